// The kernels for any processor that clang knows, with vectors of four.
#define VL 4
#define ROWS32 1
#define COLUMNS32 32
#define ROWS16 2
#define COLUMNS16 16
#define DEPTH INT64_MAX
#define FETCH_AHEAD 0
#define TILES64 56
#define TILES 28
#define OUTER32 1
#define OUTER_COLUMNS32 32
#define OUTER16 2
#define LENGTH (1 << 20)
#define WEIGHT_CHUNK 20
#define KERNELS ck_kernels_plain
#include "simd/table.h"
