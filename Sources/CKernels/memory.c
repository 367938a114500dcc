// The arena: best fit over an address-ordered list of free blocks, with merging. Blocks are multiples of 4 KB; small
// requests go to the C library.
#define _GNU_SOURCE
#include "ckernels.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALL = 1 << 15, PAGE = 4096, HUGE_PAGE = 2 << 20 };
static const int64_t REGION = 4LL << 30;  // address space taken at a time; pages are touched only when used

typedef struct {
  char *start;
  int64_t bytes;
} span;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static span *spans;  // free spans by address
static int64_t span_count, span_capacity;
static int64_t in_use, peak;

static void out_of_memory(int64_t bytes) {
  fprintf(stderr, "error: out of memory: cannot get %lld bytes for a tensor\n", (long long)bytes);
  abort();
}

static void insert_span(int64_t at, span s) {
  if (span_count == span_capacity) {
    span_capacity = span_capacity ? span_capacity * 2 : 64;
    spans = realloc(spans, (size_t)span_capacity * sizeof(span));
    if (!spans) out_of_memory(span_capacity * (int64_t)sizeof(span));
  }
  memmove(spans + at + 1, spans + at, (size_t)(span_count - at) * sizeof(span));
  spans[at] = s;
  span_count++;
}

static void remove_span(int64_t at) {
  span_count--;
  memmove(spans + at, spans + at + 1, (size_t)(span_count - at) * sizeof(span));
}

static void add_free(char *start, int64_t bytes) {
  int64_t low = 0, high = span_count;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (spans[middle].start < start) low = middle + 1; else high = middle;
  }
  int joins_left = low > 0 && spans[low - 1].start + spans[low - 1].bytes == start;
  int joins_right = low < span_count && start + bytes == spans[low].start;
  if (joins_left && joins_right) {
    spans[low - 1].bytes += bytes + spans[low].bytes;
    remove_span(low);
  } else if (joins_left) {
    spans[low - 1].bytes += bytes;
  } else if (joins_right) {
    spans[low].start = start;
    spans[low].bytes += bytes;
  } else {
    insert_span(low, (span){start, bytes});
  }
}

static void add_region(int64_t bytes) {
  int64_t size = bytes > REGION ? (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : REGION;
  char *base = mmap(0, (size_t)size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED && size > bytes) {  // strict overcommit: take only what is needed
    size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    base = mmap(0, (size_t)size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  if (base == MAP_FAILED) out_of_memory(bytes);
  base = (char *)(((uintptr_t)base + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
  madvise(base, (size_t)size, MADV_HUGEPAGE);  // advice: without it everything still works
  add_free(base, size);
}

static int64_t rounded(int64_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

void *ck_alloc(int64_t bytes) {
  if (bytes <= 0) bytes = 64;
  if (bytes <= SMALL) {
    void *p = 0;
    if (posix_memalign(&p, 64, (size_t)bytes)) out_of_memory(bytes);
    return p;
  }
  int64_t size = rounded(bytes);
  pthread_mutex_lock(&lock);
  int64_t best = -1;
  for (int attempt = 0; attempt < 2 && best < 0; attempt++) {
    if (attempt) add_region(size);
    for (int64_t i = 0; i < span_count; i++)
      if (spans[i].bytes >= size && (best < 0 || spans[i].bytes < spans[best].bytes)) best = i;
  }
  char *p = spans[best].start;
  spans[best].start += size;
  spans[best].bytes -= size;
  if (!spans[best].bytes) remove_span(best);
  in_use += size;
  if (in_use > peak) peak = in_use;
  pthread_mutex_unlock(&lock);
  return p;
}

void ck_free(void *block, int64_t bytes) {
  if (!block) return;
  if (bytes <= SMALL) {
    free(block);
    return;
  }
  pthread_mutex_lock(&lock);
  add_free(block, rounded(bytes));
  in_use -= rounded(bytes);
  pthread_mutex_unlock(&lock);
}

int64_t ck_memory_in_use(void) {
  pthread_mutex_lock(&lock);
  int64_t n = in_use;
  pthread_mutex_unlock(&lock);
  return n;
}

int64_t ck_memory_peak(void) {
  pthread_mutex_lock(&lock);
  int64_t n = peak;
  pthread_mutex_unlock(&lock);
  return n;
}

void ck_memory_reset_peak(void) {
  pthread_mutex_lock(&lock);
  peak = in_use;
  pthread_mutex_unlock(&lock);
}
