// Kernels of the neural networks: memory arena, thread pool and numeric loops. Plain C interface.
//
// Conventions. All data are float32 unless said otherwise. "Channels last" means that pixel i of an image block starts
// at base + i * stride floats, stride and base being multiples of 16 floats (64 bytes); channels are padded to a multiple
// of 16 and the padding holds zeros. No function keeps state between calls except the arena and the pool. Every result
// has the same bits for any number of threads: work is cut into pieces that depend on the problem alone, and partial sums
// are added in the order of the pieces.
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stdint.h>

#define CK_LANE 16  // channels are padded to a multiple of this

// ---- memory ---------------------------------------------------------------------------------------------------------
// Blocks come from one growing arena backed by huge pages; freed blocks merge with their neighbours and are used again,
// so that a training step touches the same pages every time.
void *ck_alloc(int64_t bytes);
void ck_free(void *block, int64_t bytes);
// Gives the pages of free blocks back to the system.
void ck_trim(void);
// Bytes in use now and at most since the last reset.
int64_t ck_memory_in_use(void);
int64_t ck_memory_peak(void);
void ck_memory_reset_peak(void);

// ---- threads --------------------------------------------------------------------------------------------------------
// Calls body(context, i) for 0 <= i < count on at most `threads` threads of a persistent pool, the caller among them.
// A call made while the pool is busy (from another thread or from inside a body) runs all indices on the calling thread.
typedef void (*ck_body)(void *context, int64_t index);
void ck_parallel(int threads, int64_t count, void *context, ck_body body);
// At least `bytes` of memory that belongs to the calling thread; slots 0...3; contents are undefined.
void *ck_scratch(int slot, int64_t bytes);

// ---- matrix products through OpenBLAS, on the calling thread ---------------------------------------------------------
// c[m][n] = alpha * op(a)[m][k] * op(b)[k][n] + beta * c; row-major with leading dimensions.
void ck_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
              const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

// ---- convolution of any kind, contiguous NCHW --------------------------------------------------------------------------
typedef struct {
  int64_t n, c, h, w;       // input images
  int64_t k, oh, ow;        // output images
  int64_t kh, kw;           // kernel
  int64_t stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x, groups;
} ck_convolution;

// The definition, with sums in double precision: the reference for everything else.
//   y[n][k][oh][ow] = bias[k] + sum x * weight[k][c/groups][kh][kw]
void ck_reference_forward(int threads, const ck_convolution *g, const float *x, const float *weight, const float *bias,
                          float *y);
void ck_reference_data(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx);
void ck_reference_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight);

// The same by unfolding the input into a matrix and multiplying with OpenBLAS.
void ck_unfold_forward(int threads, const ck_convolution *g, const float *x, const float *weight, const float *bias,
                       float *y);
void ck_unfold_data(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx);
void ck_unfold_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight);

// ---- instruction sets -----------------------------------------------------------------------------------------------
enum { CK_PLAIN = 0, CK_AVX2 = 1, CK_AVX512 = 2 };
// The best set this processor has.
int ck_best_isa(void);
#endif
