#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VL 8
#define ROWS32 3
#define ROWS16 6
#define OUTER32 2
#define OUTER16 4
#define KERNELS ck_kernels_avx2
#include "simd/table.h"
#pragma clang attribute pop
#endif
