// A persistent pool: workers wait for a job, take indices from a shared counter, and report when none is left.
#define _GNU_SOURCE
#include "ckernels.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

// How often to look before going to sleep: for a job some 0.1 ms, for the end of one some 0.3 ms.
enum { MOST_WORKERS = 255, SPINS = 4000, END_SPINS = 10000 };

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;  // held by the thread whose job the pool runs
static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, end = PTHREAD_COND_INITIALIZER;
static atomic_int generation, running, sleepers, awaited;
static int workers;

// The current job; written before `generation` is raised.
static ck_body job_body;
static void *job_context;
static int64_t job_count;
static int job_workers;
static atomic_llong job_next;

static __thread int inside;

static void take_indices(void) {
  inside++;
  for (int64_t i; (i = atomic_fetch_add_explicit(&job_next, 1, memory_order_relaxed)) < job_count;) job_body(job_context, i);
#if defined(__x86_64__)
  __builtin_ia32_sfence();  // stores past the caches become visible before the job ends
#endif
  inside--;
}

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

typedef struct {
  int id, seen;  // the generation when the worker was made: earlier jobs are not its own
} worker_start;

static void *work(void *argument) {
  worker_start start = *(worker_start *)argument;
  free(argument);
  int id = start.id, seen = start.seen;
  for (;;) {
    for (int spin = 0; atomic_load(&generation) == seen; spin++) {
      if (spin < SPINS) {
        pause_briefly();
        continue;
      }
      pthread_mutex_lock(&wake_lock);
      atomic_fetch_add(&sleepers, 1);
      while (atomic_load(&generation) == seen) pthread_cond_wait(&wake, &wake_lock);
      atomic_fetch_sub(&sleepers, 1);
      pthread_mutex_unlock(&wake_lock);
    }
    seen = atomic_load(&generation);
    if (id < job_workers) take_indices();
    if (atomic_fetch_sub(&running, 1) == 1 && atomic_load(&awaited)) {
      pthread_mutex_lock(&wake_lock);
      pthread_cond_signal(&end);
      pthread_mutex_unlock(&wake_lock);
    }
  }
  return 0;
}

void ck_parallel(int threads, int64_t count, void *context, ck_body body) {
  if (threads > MOST_WORKERS + 1) threads = MOST_WORKERS + 1;
  if (threads > count) threads = (int)count;
  if (threads <= 1 || inside || pthread_mutex_trylock(&owner)) {
    for (int64_t i = 0; i < count; i++) body(context, i);
    return;
  }
  while (workers < threads - 1) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 4 << 20);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    worker_start *start = malloc(sizeof(worker_start));
    *start = (worker_start){workers, atomic_load(&generation)};
    int failed = pthread_create(&thread, &attributes, work, start);
    pthread_attr_destroy(&attributes);
    if (failed) {  // fewer workers give the same results
      free(start);
      break;
    }
    workers++;
  }
  job_body = body;
  job_context = context;
  job_count = count;
  job_workers = threads - 1;
  atomic_store(&job_next, 0);
  atomic_store(&running, workers);
  atomic_fetch_add(&generation, 1);
  if (atomic_load(&sleepers)) {
    pthread_mutex_lock(&wake_lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&wake_lock);
  }
  take_indices();
  for (int spin = 0; spin < END_SPINS && atomic_load(&running); spin++) pause_briefly();
  if (atomic_load(&running)) {
    // A worker may have lost its core to another program. Asleep, this thread leaves it its own.
    pthread_mutex_lock(&wake_lock);
    atomic_store(&awaited, 1);
    while (atomic_load(&running)) pthread_cond_wait(&end, &wake_lock);
    atomic_store(&awaited, 0);
    pthread_mutex_unlock(&wake_lock);
  }
  pthread_mutex_unlock(&owner);
}

typedef struct {
  void *block[4];
  int64_t bytes[4];
} scratch_set;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void release_scratch(void *argument) {
  scratch_set *set = argument;
  for (int slot = 0; slot < 4; slot++) ck_free(set->block[slot], set->bytes[slot]);
  free(set);
}

static void make_key(void) { pthread_key_create(&scratch_key, release_scratch); }

void *ck_scratch(int slot, int64_t bytes) {
  pthread_once(&scratch_once, make_key);
  scratch_set *set = pthread_getspecific(scratch_key);
  if (!set) {
    set = calloc(1, sizeof(scratch_set));
    pthread_setspecific(scratch_key, set);
  }
  if (set->bytes[slot] < bytes) {
    ck_free(set->block[slot], set->bytes[slot]);
    set->block[slot] = ck_alloc(bytes);
    set->bytes[slot] = bytes;
  }
  return set->block[slot];
}

static pthread_once_t blas_once = PTHREAD_ONCE_INIT;
static void use_one_thread(void) { openblas_set_num_threads(1); }

const char *ck_blas_core(void) { return openblas_get_corename(); }
const char *ck_blas_description(void) { return openblas_get_config(); }

void ck_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
              const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  pthread_once(&blas_once, use_one_thread);
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
              (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
