#include "ckernels.h"

extern const ck_kernels ck_kernels_plain;
extern const ck_thin_kernels ck_thin_kernels_plain;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2, ck_kernels_avx512;
extern const ck_thin_kernels ck_thin_kernels_avx2, ck_thin_kernels_avx512;
#endif

int ck_best_isa(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
    return CK_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
#endif
  return CK_PLAIN;
}

const ck_kernels *ck_kernels_for(int isa) {
#if defined(__x86_64__)
  if (isa == CK_AVX512) return &ck_kernels_avx512;
  if (isa == CK_AVX2) return &ck_kernels_avx2;
#endif
  return &ck_kernels_plain;
}

const ck_thin_kernels *ck_thin_kernels_for(int isa) {
#if defined(__x86_64__)
  if (isa == CK_AVX512) return &ck_thin_kernels_avx512;
  if (isa == CK_AVX2) return &ck_thin_kernels_avx2;
#endif
  return &ck_thin_kernels_plain;
}
