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
void ck_reference_input(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx);
void ck_reference_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight);

// These three maps by unfolding the input into a matrix and multiplying with OpenBLAS.
void ck_unfold_forward(int threads, const ck_convolution *g, const float *x, const float *weight, const float *bias,
                       float *y);
void ck_unfold_input(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx);
void ck_unfold_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight);

// The name of the kernels that OpenBLAS has chosen for this processor, such as SkylakeX, and its description of itself, which
// begins with name and version. Both stay as they are while the process lives.
const char *ck_blas_core(void);
const char *ck_blas_description(void);

// ---- instruction sets -----------------------------------------------------------------------------------------------
enum { CK_PLAIN = 0, CK_AVX2 = 1, CK_AVX512 = 2 };
// The best set this processor has.
int ck_best_isa(void);

// ---- channels-last kernels, one table for each instruction set ----------------------------------------------------------
// c and k count channels with padding. Weights come in PyTorch's layout with their true sizes.

// An image block as a kernel reads it. Values that are one cheap step away from a block that is kept anyway are made
// while they are read, so that nobody stores them:
//   plain        x
//   normalised   (scale given) max(0, x * scale + shift): a batch normalisation and ReLU of x
//   gradient     (upstream given besides) a * g + b * x + d, where g is upstream where x * scale + shift > 0 and else 0: the
//                gradient of x from that of the normalised values. With `factor` besides, upstream is one plane, us = 1,
//                and g is upstream times the channel's factor: the gradient behind a 1x1 convolution to one channel
//
// Blocks marked `half` hold bfloat16 (the upper half of a float32) in place of float32; offsets and strides count elements.
// Values are computed in float32 and rounded to the nearest when they are stored.
typedef struct {
  const float *x;           // pixel stride xs
  int64_t xs;
  int half;                 // of x, and of upstream without factor
  int64_t row;              // 3x3 convolutions of plain sources only: floats from row to row; 0 is those of a row's pixels
  int64_t c;                // channels, padded
  const float *scale, *shift;
  const float *upstream;    // pixel stride us
  int64_t us;
  const float *a, *b, *d, *factor;
} ck_source;

// Statistics of a gradient g of normalised values, taken while it is written: sums[2][k] of g where x * scale + shift > 0,
// and of that times (x - mean).
typedef struct {
  const float *x;
  int64_t xs;
  int half;
  const float *scale, *shift, *mean;
  double *sums;
} ck_statistics;

enum { CK_PARTS = 4 };

// A 3x3 convolution with stride 1 and padding 1 as Winograd F(4x4, 3x3).
typedef struct {
  int64_t n, h, w;          // images
  int64_t c, k;             // input and output channels, padded
  ck_source in[CK_PARTS];   // the input channels, part after part; together c
  const float *filter;      // as pack_winograd wrote it
  float *y;                 // output, pixel stride ys
  int64_t ys;
  float *more;              // output channels from `split`, a multiple of 32, go here with pixel stride more_s; or null
  int64_t split, more_s;
  int half;                 // of y, more and residual
  int shuffle;              // 1: y is twice as large and has k / 4 channels, a multiple of 32; quarter i of the channels goes
                            // to row i / 2, column i % 2 of each block of 2x2 pixels. Without residual and statistics
  const float *bias;        // [k] padded with zeros, or null
  int relu;                 // negative results become 0
  const float *residual;    // added to residual_scale * result, pixel stride rs; or null
  int64_t rs;
  float residual_scale;
  double *sums;             // [2][k]: sum and sum of squares of the results before bias, ReLU and residual; or null
  const ck_statistics *statistics;  // of the results as a gradient; or null. Not together with sums
  // Steps that follow in evaluation, without residual, shuffle and statistics; each or null:
  float *pooled;            // the largest of each 2x2 block of y as well, [n][h / 2][w / 2][k], bfloat16 with `half`
  const float *head;        // [k], k at most 32: y is contiguous [n][h][w] and gets head_bias + the sum over the channels of
  float head_bias;          // head * result in place of the results
} ck_winograd;

// The gradient of the weights of such a convolution.
typedef struct {
  int64_t n, h, w, c, k;
  ck_source in[CK_PARTS], dy[CK_PARTS];
  int64_t true_c, true_k;
  float *dweight;           // [true_k][true_c][3][3]
  float *dbias;             // [k]: the sum of dy over the pixels; or null
} ck_winograd_weight;

// A product over pixels: y[p][k] = sum over c of x[p][c] * filter, for 1x1 convolutions and 2x2 ones with stride 2.
// taps = 1: one output pixel for each input pixel. taps = 4 with `gather` 0: every input pixel makes a 2x2 block of an
// output twice the size (transposed convolution); with `gather` 1: every output pixel reads a 2x2 block of an input twice
// the size.
typedef struct {
  int64_t n, h, w;          // the small images (those of single pixels)
  int64_t c, k;
  ck_source in;
  const float *filter;      // as pack_pixel wrote it
  float *y;
  int64_t ys;
  int half;                 // of y
  const float *bias;
  int relu;
  int taps, gather;
  const ck_statistics *statistics;  // of the results as a gradient, for one output pixel each (taps 1 or gather 1); or null
} ck_pixel_product;

// The gradient of the weights of the products above: dweight[t][c][k] = sum over pixels of small[p][c] * large[p, t][k].
typedef struct {
  int64_t n, h, w;          // the small images
  int64_t c, k;             // channels of the small and the large image
  ck_source small, large;
  int taps;
  float *dweight;           // [taps][c][k]
} ck_pixel_weight;

// A block of NAFNet on dense channels-last images [n][h][w][c], c a multiple of 32:
//
//   t = w1 N(x) + b1 (2c channels), v = depthwise(t; w2) + b2, g = v[first half] * v[second half]
//   y = x + w3 g + b3, out = y + w5 (u[first half] * u[second half]) + b5 with u = w4 N(y) + b4 (2c channels)
//
// N takes each pixel's channels to mean 0 and variance 1. Whoever calls folds into the products what stands beside them: the
// factors of the layer norms into w1 and w4, channel attention and beta into w3 (one for each image), gamma into w5. Packed
// filters are as pack_pixel writes them; those named ..._back are transposed.
typedef struct {
  int64_t n, h, w, c;
  float epsilon;
  const float *x, *w1, *b1, *w2, *b2;  // w2[9][2c]
  float *g;                 // written by naf_gate, read by the others
  const float *w3, *b3, *w4, *b4, *w5, *b5;
  float *y;                 // written by naf_mix (null: not wanted), read by naf_mix_backward
  float *out;

  const float *dout, *w5_back, *w4_back;
  float *dy;                // the gradient of y: written by naf_mix_backward, read by naf_gate_backward
  float *s5, *s4, *m;       // [c][c] gated x dout, [c][2c] N(y) x du, [n][c][c] g x dy, summed over pixels
  float *sum5, *sum4, *sum3;  // dout [c], du [2c], dy [c] summed over pixels

  const float *w3_back, *dm, *w1_back;  // dm[n][c]: added to every pixel's gradient of g
  float *dx;
  float *s1, *sum1, *dw2, *sum2;  // [c][2c] N(x) x dt, dt [2c], [9][2c], dv [2c]
} ck_naf;

typedef struct {
  // u[36][k/32][c][32] (a last block of 16 where k asks for it) from weight[true_k][true_c][3][3]; with `rotate` the filter
  // of the backward pass, whose inputs are the outputs; each output channel times scale (null: 1).
  void (*pack_winograd)(int threads, const float *weight, int64_t true_k, int64_t true_c, int rotate, const float *scale,
                        float *u);
  void (*winograd)(int threads, const ck_winograd *p);
  void (*winograd_weight)(int threads, const ck_winograd_weight *p);

  // Blocks of a matrix[rows][columns] given by strides, for pixel products: out[columns/32][rows][32], zero padded.
  void (*pack_pixel)(const float *matrix, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride,
                     int64_t padded_rows, int64_t padded_columns, float *out);
  void (*pixel_product)(int threads, const ck_pixel_product *p);
  void (*pixel_weight)(int threads, const ck_pixel_weight *p);

  // 3x3, padding 1, one input channel in contiguous planes; weight9[9][k].
  void (*single_input)(int threads, int64_t n, int64_t h, int64_t w, int64_t k, const float *x, const float *weight9,
                       const float *bias, int relu, float *y, int64_t ys, int half, double *sums);
  // dweight9[9][k]
  void (*single_input_weight)(int threads, int64_t n, int64_t h, int64_t w, int64_t k, const float *x, const ck_source *dy,
                              float *dweight9);
  // 1x1 to one channel in contiguous planes: y[p] = bias + sum of x[p][c] * weight[c]
  void (*single_output)(int threads, int64_t pixels, const ck_source *in, const float *weight, float bias, float *y);
  // dx[p][c] = dy[p] * weight[c] (null: not wanted), with its statistics (or null); dweight[c] = sum of dy[p] * x[p][c];
  // dbias = sum of dy
  void (*single_output_backward)(int threads, int64_t pixels, const ck_source *in, const float *weight, const float *dy,
                                 float *dx, int64_t dxs, int half, const ck_statistics *statistics, float *dweight,
                                 float *dbias);

  // 3x3, padding 1, to one channel in contiguous planes; weight9[9][c].
  void (*single_output3)(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, const float *weight9, float bias,
                         float *y);

  // 3x3, padding 1, one filter for each channel; weight9[9][c]; `rotate` turns the filters by 180 degrees (backward pass).
  void (*depthwise)(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs,
                    const float *weight9, const float *bias, int rotate, float *y, int64_t ys);
  void (*depthwise_weight)(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs,
                           const float *dy, int64_t ys, float *dweight9);

  // Forward: naf_gate, which sums g over the pixels, sums[n][c]; then naf_mix. Backward the other way round.
  void (*naf_gate)(int threads, const ck_naf *p, double *sums);
  void (*naf_mix)(int threads, const ck_naf *p);
  void (*naf_mix_backward)(int threads, const ck_naf *p);
  void (*naf_gate_backward)(int threads, const ck_naf *p);

  // sums[2][c]: sum and sum of squares over pixels
  void (*channel_sums)(int threads, int64_t pixels, const ck_source *in, double *sums);
  // y[p] = what the source says; y is float32, or bfloat16 with `half`
  void (*read_source)(int threads, int64_t pixels, const ck_source *in, float *y, int64_t ys, int half);
  // The statistics of a gradient that is there already.
  void (*gradient_statistics)(int threads, int64_t pixels, const ck_source *gradient, const ck_statistics *statistics);
  // Pooling: y, and dy, existing and dx below, are bfloat16 where the source is.
  void (*max_pool)(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, float *y);
  // dx = (existing or 0) + dy at the first largest of each 2x2 block; with statistics of dx (or null) for even h and w.
  void (*max_pool_backward)(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, const float *dy, int64_t dys,
                            const float *existing, int64_t es, float *dx, int64_t dxs, const ck_statistics *statistics);

  // For benchmarks: multiplications and additions in registers alone, with a factor *value below 1; returns how many.
  int64_t (*multiply_adds)(int64_t rounds, float *value);
} ck_kernels;

const ck_kernels *ck_kernels_for(int isa);

// ---- large kernels from or to few channels -------------------------------------------------------------------------------
// Convolutions with stride 1 between a thin image, a few channels in contiguous planes, and a wide one, channels-last.
typedef struct {
  int64_t n, thin, wide;    // images, channels; wide with padding
  int64_t h, w, oh, ow;     // input and output: oh = h + 2 py - kh + 1
  int64_t kh, kw, py, px;   // kernel, and zeros around the input, fewer than the kernel has
  // Of a filter: floats from one thin channel to the next, from one wide channel to the next, how many wide channels there
  // are, and whether its taps are turned by 180 degrees. A channel's taps are [kh][kw].
  int64_t thin_stride, wide_stride, true_wide;
  int rotate;
} ck_thin;

typedef struct {
  // From x[n][thin][h][w] to y[n][oh][ow], pixel stride ys, of bfloat16 with `half`; bias[wide] padded, or null.
  void (*input)(int threads, const ck_thin *g, const float *x, const float *weight, const float *bias, float *y, int64_t ys,
                int half);
  // From the wide image to y[n][thin][oh][ow]; bias[thin] or null.
  void (*output)(int threads, const ck_thin *g, const ck_source *in, const float *weight, const float *bias, float *y);
  // dweight[thin][kh][kw][wide]: the gradient of the filter of `input` for the thin image x and the gradient dy of its output.
  void (*weight)(int threads, const ck_thin *g, const float *x, const ck_source *dy, float *dweight);
} ck_thin_kernels;

const ck_thin_kernels *ck_thin_kernels_for(int isa);
#endif
