// Convolutions of any kind by unfolding: every output pixel's inputs become a column of a matrix, which a matrix product
// then meets with the weights. The work is cut by output rows (forward) or input channels (backward), never by threads.
#include "ckernels.h"

#include <string.h>

enum { COLUMN_FLOATS = 1 << 18 };  // of a piece of the unfolded matrix: 1 MB, about what stays in the second-level cache

typedef struct {
  const ck_convolution *g;
  const float *x, *weight, *bias, *dy;
  float *out;
  int64_t rows, channels;  // output rows, input channels of one piece
} task;

// column[c][ky][kx][rows * ow] of output rows y0 ..< y0 + rows, input channels of one image at x
static void unfold(const ck_convolution *g, const float *x, int64_t channels, int64_t y0, int64_t rows, float *column) {
  for (int64_t c = 0; c < channels; c++)
    for (int64_t ky = 0; ky < g->kh; ky++)
      for (int64_t kx = 0; kx < g->kw; kx++)
        for (int64_t row = 0; row < rows; row++, column += g->ow) {
          int64_t y = (y0 + row) * g->stride_y - g->padding_y + ky * g->dilation_y;
          if (y < 0 || y >= g->h) {
            memset(column, 0, (size_t)g->ow * sizeof(float));
            continue;
          }
          const float *line = x + (c * g->h + y) * g->w;
          for (int64_t ox = 0; ox < g->ow; ox++) {
            int64_t at = ox * g->stride_x - g->padding_x + kx * g->dilation_x;
            column[ox] = at >= 0 && at < g->w ? line[at] : 0;
          }
        }
}

// The adjoint of unfold: adds the columns to the pixels they came from.
static void fold(const ck_convolution *g, float *x, int64_t channels, int64_t y0, int64_t rows, const float *column) {
  for (int64_t c = 0; c < channels; c++)
    for (int64_t ky = 0; ky < g->kh; ky++)
      for (int64_t kx = 0; kx < g->kw; kx++)
        for (int64_t row = 0; row < rows; row++, column += g->ow) {
          int64_t y = (y0 + row) * g->stride_y - g->padding_y + ky * g->dilation_y;
          if (y < 0 || y >= g->h) continue;
          float *line = x + (c * g->h + y) * g->w;
          for (int64_t ox = 0; ox < g->ow; ox++) {
            int64_t at = ox * g->stride_x - g->padding_x + kx * g->dilation_x;
            if (at >= 0 && at < g->w) line[at] += column[ox];
          }
        }
}

static int64_t rows_for(const ck_convolution *g, int64_t depth) {
  int64_t rows = COLUMN_FLOATS / (depth * g->ow);
  return rows < 1 ? 1 : rows > g->oh ? g->oh : rows;
}

static void forward_piece(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t pieces = (g->oh + t->rows - 1) / t->rows, cg = g->c / g->groups, kg = g->k / g->groups;
  int64_t y0 = index % pieces * t->rows, group = index / pieces % g->groups, image = index / pieces / g->groups;
  int64_t rows = g->oh - y0 < t->rows ? g->oh - y0 : t->rows, depth = cg * g->kh * g->kw;
  float *column = ck_scratch(0, depth * rows * g->ow * (int64_t)sizeof(float));
  unfold(g, t->x + (image * g->c + group * cg) * g->h * g->w, cg, y0, rows, column);
  float *y = t->out + ((image * g->k + group * kg) * g->oh + y0) * g->ow;
  if (t->bias)
    for (int64_t k = 0; k < kg; k++)
      for (int64_t i = 0; i < rows * g->ow; i++) y[k * g->oh * g->ow + i] = t->bias[group * kg + k];
  ck_sgemm(0, 0, kg, rows * g->ow, depth, 1, t->weight + group * kg * depth, depth, column, rows * g->ow,
           t->bias ? 1 : 0, y, g->oh * g->ow);
}

void ck_unfold_forward(int threads, const ck_convolution *g, const float *x, const float *weight, const float *bias,
                       float *y) {
  task t = {g, x, weight, bias, 0, y, rows_for(g, g->c / g->groups * g->kh * g->kw), 0};
  ck_parallel(threads, g->n * g->groups * ((g->oh + t.rows - 1) / t.rows), &t, forward_piece);
}

// Input channels of one piece of a backward pass: few enough for all cores, many enough for a matrix product.
static int64_t channels_for(const ck_convolution *g) {
  int64_t cg = g->c / g->groups, channels = (cg + 7) / 8;
  return channels < 4 ? (cg < 4 ? cg : 4) : channels;
}

static void data_piece(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t cg = g->c / g->groups, kg = g->k / g->groups, pieces = (cg + t->channels - 1) / t->channels;
  int64_t c0 = index % pieces * t->channels, group = index / pieces % g->groups, image = index / pieces / g->groups;
  int64_t channels = cg - c0 < t->channels ? cg - c0 : t->channels, taps = g->kh * g->kw;
  float *dx = t->out + (image * g->c + group * cg + c0) * g->h * g->w;
  memset(dx, 0, (size_t)(channels * g->h * g->w) * sizeof(float));
  float *column = ck_scratch(0, channels * taps * t->rows * g->ow * (int64_t)sizeof(float));
  for (int64_t y0 = 0; y0 < g->oh; y0 += t->rows) {
    int64_t rows = g->oh - y0 < t->rows ? g->oh - y0 : t->rows;
    ck_sgemm(1, 0, channels * taps, rows * g->ow, kg, 1, t->weight + group * kg * cg * taps + c0 * taps, cg * taps,
             t->dy + ((image * g->k + group * kg) * g->oh + y0) * g->ow, g->oh * g->ow, 0, column, rows * g->ow);
    fold(g, dx, channels, y0, rows, column);
  }
}

void ck_unfold_input(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx) {
  task t = {g, 0, weight, 0, dy, dx, 0, channels_for(g)};
  t.rows = rows_for(g, t.channels * g->kh * g->kw);
  int64_t cg = g->c / g->groups;
  ck_parallel(threads, g->n * g->groups * ((cg + t.channels - 1) / t.channels), &t, data_piece);
}

static void weight_piece(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t cg = g->c / g->groups, kg = g->k / g->groups, pieces = (cg + t->channels - 1) / t->channels;
  int64_t c0 = index % pieces * t->channels, group = index / pieces;
  int64_t channels = cg - c0 < t->channels ? cg - c0 : t->channels, taps = g->kh * g->kw;
  float *column = ck_scratch(0, channels * taps * t->rows * g->ow * (int64_t)sizeof(float));
  for (int64_t image = 0; image < g->n; image++)
    for (int64_t y0 = 0; y0 < g->oh; y0 += t->rows) {
      int64_t rows = g->oh - y0 < t->rows ? g->oh - y0 : t->rows;
      unfold(g, t->x + (image * g->c + group * cg + c0) * g->h * g->w, channels, y0, rows, column);
      ck_sgemm(0, 1, kg, channels * taps, rows * g->ow, 1,
               t->dy + ((image * g->k + group * kg) * g->oh + y0) * g->ow, g->oh * g->ow, column, rows * g->ow,
               image || y0 ? 1 : 0, t->out + group * kg * cg * taps + c0 * taps, cg * taps);
    }
}

void ck_unfold_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight) {
  task t = {g, x, 0, 0, dy, dweight, 0, channels_for(g)};
  t.rows = rows_for(g, t.channels * g->kh * g->kw);
  int64_t cg = g->c / g->groups;
  ck_parallel(threads, g->groups * ((cg + t.channels - 1) / t.channels), &t, weight_piece);
}
