// Vectors of VL floats and what the kernels do with them. Included by each instruction set with its own VL; every function
// is inlined into code compiled for that set.
//
//   VL            floats in a vector: 16, 8 or 4
// and the sizes that suit its registers and caches:
//   ROWS32, COLUMNS32   register tile in packed blocks of 32 columns: its sums, one row of columns and one broadcast value
//   ROWS16, COLUMNS16   the same in blocks of 16; ROWS16 is a multiple of ROWS32
//   DEPTH               channels of a packed block that are multiplied before the next ones are looked at
//   FETCH_AHEAD         whether products ask for the columns that follow
//   TILES64, TILES      tiles of a Winograd task, up to 64 channels and beyond; multiples of ROWS16, at most MOST_TILES
//   OUTER32, OUTER_COLUMNS32, OUTER16   register tiles of sums over rows
//   LENGTH              rows that are summed before the next ones are looked at
//   WEIGHT_CHUNK        logarithm of the floats in a chunk of transformed tiles, for the gradient of the weights
// DEPTH, LENGTH and WEIGHT_CHUNK change no result: sums go on in the same order.

#include "../include/ckernels.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
// A pass over the rows or columns of a tile: straight code where registers hold the tile, else a loop over the stack.
#if VL == 16
#define PASSES UNROLL
#else
#define PASSES _Pragma("clang loop unroll(disable)")
#endif

typedef float vf __attribute__((ext_vector_type(VL)));
typedef float vf_unaligned __attribute__((ext_vector_type(VL), aligned(4), may_alias));

INLINE vf load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void store(float *p, vf v) { *(vf_unaligned *)p = v; }

// bfloat16: the upper half of a float32, rounded to the nearest, ties to even; NaN stays NaN.
typedef uint16_t vh __attribute__((ext_vector_type(VL)));
typedef uint16_t vh_unaligned __attribute__((ext_vector_type(VL), aligned(2), may_alias));
typedef uint32_t vu __attribute__((ext_vector_type(VL)));

INLINE vf widen(vh v) {
  vu bits = __builtin_convertvector(v, vu) << 16;
  return (vf)bits;
}
INLINE vh narrow(vf v) {
  vu bits = (vu)v, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return __builtin_convertvector(v == v ? rounded : (bits >> 16) | 0x40, vh);
}

// One vector at an offset in elements, from or to either kind of block.
INLINE vf load_from(const float *block, int half, int64_t at) {
  return half ? widen(*(const vh_unaligned *)((const uint16_t *)block + at)) : load(block + at);
}
INLINE void store_to(float *block, int half, int64_t at, vf v) {
  if (half) *(vh_unaligned *)((uint16_t *)block + at) = narrow(v);
  else store(block + at, v);
}

// Past the caches, a line of 16 channels after the other: for images larger than any cache, which would only push out what is
// there, and whose lines would be read from memory before they are written.
INLINE int is_streamed(int64_t floats) { return floats > 12 << 20; }
INLINE void store_past(float *p, vf v) { __builtin_nontemporal_store(v, (vf *)p); }

INLINE const char *address_in(const float *block, int half, int64_t at) { return (const char *)block + at * (half ? 2 : 4); }

enum { PARTS = 16 / VL };  // vectors of a line

INLINE vf splat(float f) { return (vf)(f); }
// NaN stays NaN, so that a fault is seen and not hidden.
INLINE vf positive(vf v) { vf zero = splat(0); return zero > v ? zero : v; }
INLINE vf maximum(vf a, vf b) { return a > b ? a : b; }

// The sum of the elements, halves first.
INLINE float total(vf v) {
#if VL == 16
  typedef float half __attribute__((ext_vector_type(8)));
  half eight = v.lo + v.hi;
#elif VL == 8
  vf eight = v;
#endif
#if VL >= 8
  typedef float quarter __attribute__((ext_vector_type(4)));
  quarter four = eight.lo + eight.hi;
#else
  vf four = v;
#endif
  return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }
INLINE int64_t round_up(int64_t count, int64_t size) { return pieces(count, size) * size; }
