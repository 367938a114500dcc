#include "cdigest.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

// FIPS 180-4, 4.2.2.
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// AVX for its instructions with three operands, which spare copies. Small processors with SHA and without AVX stay with OpenSSL.
#define WITH_SHA __attribute__((target("sha,avx")))
#define INLINE_WITH_SHA WITH_SHA __attribute__((always_inline)) static inline

/// A digest as the instructions want it: the words a, b, e, f and c, d, g, h, the first in the highest place.
typedef struct {
  __m128i abef, cdgh;
} lane;

INLINE_WITH_SHA lane load(const uint32_t state[8]) {
  __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
  __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
  return (lane){_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0)};
}

INLINE_WITH_SHA void store(uint32_t state[8], lane from) {
  __m128i feba = _mm_shuffle_epi32(from.abef, 0x1b), dchg = _mm_shuffle_epi32(from.cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/// One block of each lane. `width` is known where this is inlined, so that every loop is unrolled.
INLINE_WITH_SHA void block(lane *lanes, const uint8_t *const *bytes, int width) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i words[2][4];
  lane before[2];
#pragma unroll
  for (int at = 0; at < width; at++) {
    before[at] = lanes[at];
#pragma unroll
    for (int four = 0; four < 4; four++)
      words[at][four] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(bytes[at] + 16 * four)), big_endian);
  }
#pragma unroll
  for (int group = 0; group < 16; group++) {  // of four rounds
#pragma unroll
    for (int at = 0; at < width; at++) {
      __m128i *w = words[at];
      __m128i *newest = &w[(group + 3) & 3];
      if (group >= 4) {  // the next four words of the message schedule, in place of the oldest
        __m128i sum = _mm_sha256msg1_epu32(w[group & 3], w[(group + 1) & 3]);
        sum = _mm_add_epi32(sum, _mm_alignr_epi8(*newest, w[(group + 2) & 3], 4));
        w[group & 3] = _mm_sha256msg2_epu32(sum, *newest);
      }
      __m128i k = _mm_loadu_si128((const __m128i *)(constants + 4 * group));
      __m128i added = _mm_add_epi32(w[group & 3], k);
      lanes[at].cdgh = _mm_sha256rnds2_epu32(lanes[at].cdgh, lanes[at].abef, added);
      lanes[at].abef = _mm_sha256rnds2_epu32(lanes[at].abef, lanes[at].cdgh, _mm_shuffle_epi32(added, 0x0e));
    }
  }
#pragma unroll
  for (int at = 0; at < width; at++) {
    lanes[at].abef = _mm_add_epi32(lanes[at].abef, before[at].abef);
    lanes[at].cdgh = _mm_add_epi32(lanes[at].cdgh, before[at].cdgh);
  }
}

bool digest_has_sha256(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx")) return false;
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

WITH_SHA void digest_sha256(uint32_t state[8], const uint8_t *bytes, size_t blocks) {
  lane only = load(state);
  for (; blocks; blocks--, bytes += 64) block(&only, &bytes, 1);
  store(state, only);
}

WITH_SHA void digest_sha256_pair(uint32_t first[8], const uint8_t *first_bytes, uint32_t second[8],
                                 const uint8_t *second_bytes, size_t blocks) {
  lane both[2] = {load(first), load(second)};
  const uint8_t *bytes[2] = {first_bytes, second_bytes};
  for (; blocks; blocks--, bytes[0] += 64, bytes[1] += 64) block(both, bytes, 2);
  store(first, both[0]);
  store(second, both[1]);
}

#else

bool digest_has_sha256(void) { return false; }
void digest_sha256(uint32_t state[8], const uint8_t *bytes, size_t blocks) { __builtin_trap(); }
void digest_sha256_pair(uint32_t first[8], const uint8_t *first_bytes, uint32_t second[8], const uint8_t *second_bytes,
                        size_t blocks) {
  __builtin_trap();
}

#endif
