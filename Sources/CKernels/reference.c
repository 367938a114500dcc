// Convolutions as the definition says, one output at a time.
#include "ckernels.h"

typedef struct {
  const ck_convolution *g;
  const float *x, *weight, *bias, *dy;
  float *out;
} task;

static void forward_plane(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t image = index / g->k, k = index % g->k, cg = g->c / g->groups, first = k / (g->k / g->groups) * cg;
  for (int64_t oy = 0; oy < g->oh; oy++)
    for (int64_t ox = 0; ox < g->ow; ox++) {
      double sum = t->bias ? t->bias[k] : 0;
      for (int64_t c = 0; c < cg; c++)
        for (int64_t ky = 0; ky < g->kh; ky++)
          for (int64_t kx = 0; kx < g->kw; kx++) {
            int64_t y = oy * g->stride_y - g->padding_y + ky * g->dilation_y;
            int64_t x = ox * g->stride_x - g->padding_x + kx * g->dilation_x;
            if (y < 0 || y >= g->h || x < 0 || x >= g->w) continue;
            sum += (double)t->x[((image * g->c + first + c) * g->h + y) * g->w + x] *
                   t->weight[((k * cg + c) * g->kh + ky) * g->kw + kx];
          }
      t->out[((image * g->k + k) * g->oh + oy) * g->ow + ox] = (float)sum;
    }
}

static void data_plane(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t image = index / g->c, c = index % g->c, cg = g->c / g->groups, kg = g->k / g->groups, first = c / cg * kg;
  for (int64_t y = 0; y < g->h; y++)
    for (int64_t x = 0; x < g->w; x++) {
      double sum = 0;
      for (int64_t k = first; k < first + kg; k++)
        for (int64_t ky = 0; ky < g->kh; ky++)
          for (int64_t kx = 0; kx < g->kw; kx++) {
            int64_t oy = y + g->padding_y - ky * g->dilation_y, ox = x + g->padding_x - kx * g->dilation_x;
            if (oy < 0 || ox < 0 || oy % g->stride_y || ox % g->stride_x) continue;
            oy /= g->stride_y;
            ox /= g->stride_x;
            if (oy >= g->oh || ox >= g->ow) continue;
            sum += (double)t->dy[((image * g->k + k) * g->oh + oy) * g->ow + ox] *
                   t->weight[((k * cg + c % cg) * g->kh + ky) * g->kw + kx];
          }
      t->out[((image * g->c + c) * g->h + y) * g->w + x] = (float)sum;
    }
}

static void weight_plane(void *context, int64_t index) {
  const task *t = context;
  const ck_convolution *g = t->g;
  int64_t cg = g->c / g->groups, k = index / cg, c = index % cg, source = k / (g->k / g->groups) * cg + c;
  for (int64_t ky = 0; ky < g->kh; ky++)
    for (int64_t kx = 0; kx < g->kw; kx++) {
      double sum = 0;
      for (int64_t image = 0; image < g->n; image++)
        for (int64_t oy = 0; oy < g->oh; oy++)
          for (int64_t ox = 0; ox < g->ow; ox++) {
            int64_t y = oy * g->stride_y - g->padding_y + ky * g->dilation_y;
            int64_t x = ox * g->stride_x - g->padding_x + kx * g->dilation_x;
            if (y < 0 || y >= g->h || x < 0 || x >= g->w) continue;
            sum += (double)t->x[((image * g->c + source) * g->h + y) * g->w + x] *
                   t->dy[((image * g->k + k) * g->oh + oy) * g->ow + ox];
          }
      t->out[((k * cg + c) * g->kh + ky) * g->kw + kx] = (float)sum;
    }
}

void ck_reference_forward(int threads, const ck_convolution *g, const float *x, const float *weight, const float *bias,
                          float *y) {
  task t = {g, x, weight, bias, 0, y};
  ck_parallel(threads, g->n * g->k, &t, forward_plane);
}

void ck_reference_input(int threads, const ck_convolution *g, const float *dy, const float *weight, float *dx) {
  task t = {g, 0, weight, 0, dy, dx};
  ck_parallel(threads, g->n * g->c, &t, data_plane);
}

void ck_reference_weight(int threads, const ck_convolution *g, const float *x, const float *dy, float *dweight) {
  task t = {g, x, 0, 0, dy, dweight};
  ck_parallel(threads, g->k * (g->c / g->groups), &t, weight_plane);
}
