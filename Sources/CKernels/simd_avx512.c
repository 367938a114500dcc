#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define VL 16
#define ROWS32 14
#define COLUMNS32 32
#define ROWS16 28
#define COLUMNS16 16
#define DEPTH INT64_MAX
#define FETCH_AHEAD 0
#define TILES64 56
#define TILES 28
#define OUTER32 8
#define OUTER_COLUMNS32 32
#define OUTER16 16
#define LENGTH (1 << 20)
#define WEIGHT_CHUNK 20
#define KERNELS ck_kernels_avx512
#include "simd/table.h"
#pragma clang attribute pop
#endif
