#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VL 8
#define ROWS32 6
#define COLUMNS32 16
#define ROWS16 6
#define COLUMNS16 16
#define DEPTH 64
#define FETCH_AHEAD 1
#define TILES64 36
#define TILES 36
#define OUTER32 6
#define OUTER_COLUMNS32 16
#define OUTER16 4
#define LENGTH 128
#define WEIGHT_CHUNK 19
#define KERNELS ck_kernels_avx2
#include "simd/table.h"
#pragma clang attribute pop
#endif
