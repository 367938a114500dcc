// simd/thin.h for any processor that clang knows, with vectors of four.
#define VL 4
#define THIN_KERNELS ck_thin_kernels_plain
#include "simd/thin.h"
