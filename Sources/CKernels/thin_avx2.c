#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VL 8
#define THIN_KERNELS ck_thin_kernels_avx2
#include "simd/thin.h"
#pragma clang attribute pop
#endif
