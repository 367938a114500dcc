// The same code for any processor that clang knows, with vectors of four.
#define VL 4
#define ROWS32 1
#define ROWS16 2
#define OUTER32 1
#define OUTER16 2
#define KERNELS ck_kernels_plain
#include "simd/table.h"
