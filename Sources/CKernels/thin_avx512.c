#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define VL 16
#define THIN_KERNELS ck_thin_kernels_avx512
#include "simd/thin.h"
#pragma clang attribute pop
#endif
