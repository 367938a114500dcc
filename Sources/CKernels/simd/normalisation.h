// Sums by channel, sources written out, and 2x2 maximum pooling.

enum { NORM_PIXELS = 1024 };

typedef struct {
  int64_t pixels, c;
  const ck_source *in;
  const ck_statistics *statistics;
  float *y;
  int64_t ys;
  int half;
  float *partial;  // [pieces][2][c]
} pass_task;

// Few channels stay in registers; with many, pixel after pixel keeps memory in order.
INLINE void sum_piece(const pass_task *t, int kind, int64_t index) {
  const ck_source *in = t->in;
  int64_t first = index * NORM_PIXELS, end = least(t->pixels, first + NORM_PIXELS);
  float *sums = t->partial + index * 2 * t->c;
  for (int64_t c0 = 0; c0 < t->c; c0 += 64) {
    int64_t count = least(64, t->c - c0) / VL;
    vf sum[64 / VL], square[64 / VL];
    for (int64_t v = 0; v < count; v++) sum[v] = square[v] = splat(0);
    for (int64_t i = first; i < end; i++)
      for (int64_t v = 0; v < count; v++) {
        source_factors f = factors_of(in, kind, c0 + v * VL);
        vf x = read_pixel(in, kind, &f, i, c0 + v * VL);
        if (t->statistics) {
          add_statistics(t->statistics, i, c0 + v * VL, x, &sum[v], &square[v]);
        } else {
          sum[v] += x;
          square[v] += x * x;
        }
      }
    for (int64_t v = 0; v < count; v++) {
      store(sums + c0 + v * VL, sum[v]);
      store(sums + t->c + c0 + v * VL, square[v]);
    }
  }
}

static void sum_pixels(void *context, int64_t index) {
  const pass_task *t = context;
  BY_KIND(t->in, sum_piece(t, KIND, index));
}

static void run_sums(int threads, pass_task t, double *sums) {
  int64_t tasks = pieces(t.pixels, NORM_PIXELS), bytes = tasks * 2 * t.c * 4;
  t.partial = ck_alloc(bytes);
  ck_parallel(threads, tasks, &t, sum_pixels);
  add_partials(t.partial, tasks, 2 * t.c, sums);
  ck_free(t.partial, bytes);
}

static void channel_sums(int threads, int64_t pixels, const ck_source *in, double *sums) {
  run_sums(threads, (pass_task){.pixels = pixels, .c = in->c, .in = in}, sums);
}

static void gradient_statistics(int threads, int64_t pixels, const ck_source *gradient, const ck_statistics *statistics) {
  pass_task t = {.pixels = pixels, .c = gradient->c, .in = gradient, .statistics = statistics};
  run_sums(threads, t, statistics->sums);
}

static void read_pixels(void *context, int64_t index) {
  const pass_task *t = context;
  const ck_source *in = t->in;
  int64_t first = index * NORM_PIXELS, end = least(t->pixels, first + NORM_PIXELS);
  int streamed = !t->half && is_streamed(t->pixels * in->c);
  BY_KIND(in, for (int64_t i = first; i < end; i++) for (int64_t c = 0; c < in->c; c += VL) {
    source_factors f = factors_of(in, KIND, c);
    vf value = read_pixel(in, KIND, &f, i, c);
    if (streamed) store_past(t->y + i * t->ys + c, value);
    else store_to(t->y, t->half, i * t->ys + c, value);
  });
}

static void read_source(int threads, int64_t pixels, const ck_source *in, float *y, int64_t ys, int half) {
  pass_task t = {.pixels = pixels, .in = in, .y = y, .ys = ys, .half = half};
  ck_parallel(threads, pieces(pixels, NORM_PIXELS), &t, read_pixels);
}

// ---- pooling --------------------------------------------------------------------------------------------------------------
typedef struct {
  int64_t n, h, w, dys, es, dxs;
  const ck_source *in;
  const float *dy, *existing;
  float *y, *dx;
  const ck_statistics *statistics;
  float *partial;  // [rows of blocks][2][c]
} pool_task;

// The four values of a block.
INLINE void read_block(const ck_source *in, int kind, const source_factors *f, int64_t corner, int64_t w, int64_t c,
                       vf value[4]) {
  UNROLL for (int i = 0; i < 4; i++) value[i] = read_pixel(in, kind, f, corner + i / 2 * w + i % 2, c);
}

INLINE vf largest_of(const vf value[4]) {
  return maximum(maximum(value[0], value[1]), maximum(value[2], value[3]));
}

INLINE void pool_one_row(const pool_task *t, int kind, int64_t index) {
  const ck_source *in = t->in;
  int64_t oh = t->h / 2, ow = t->w / 2, corner = (index / oh * t->h + 2 * (index % oh)) * t->w;
  for (int64_t ox = 0; ox < ow; ox++)
    for (int64_t c = 0; c < in->c; c += VL) {
      source_factors f = factors_of(in, kind, c);
      vf value[4];
      read_block(in, kind, &f, corner + 2 * ox, t->w, c, value);
      store_to(t->y, kind & HALF, (index * ow + ox) * in->c + c, largest_of(value));
    }
}

static void pool_row(void *context, int64_t index) {
  const pool_task *t = context;
  BY_KIND(t->in, pool_one_row(t, KIND, index));
}

static void max_pool(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, float *y) {
  pool_task t = {.n = n, .h = h, .w = w, .in = in, .y = y};
  ck_parallel(threads, n * (h / 2), &t, pool_row);
}

INLINE void pool_one_row_back(const pool_task *t, int kind, int64_t index) {
  const ck_source *in = t->in;
  int64_t oh = t->h / 2, ow = t->w / 2, row = (index / oh * t->h + 2 * (index % oh)) * t->w;
  float *sums = t->partial ? t->partial + index * 2 * in->c : 0;
  int streamed = !(kind & HALF) && is_streamed(t->n * t->h * t->w * in->c);
  for (int64_t c0 = 0; c0 < in->c; c0 += 16) {
    source_factors f[PARTS];
    vf sum[PARTS], dot[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) {
      f[part] = factors_of(in, kind, c0 + part * VL);
      sum[part] = dot[part] = splat(0);
    }
    for (int64_t ox = 0; ox < ow; ox++) {
      int64_t corner = row + 2 * ox;
      vf out[4][PARTS];
      UNROLL for (int part = 0; part < PARTS; part++) {
        int64_t c = c0 + part * VL;
        vf value[4], gradient = load_from(t->dy, kind & HALF, (index * ow + ox) * t->dys + c);
        read_block(in, kind, &f[part], corner, t->w, c, value);
        vf largest = largest_of(value);
        UNROLL for (int i = 0; i < 4; i++) {
          int64_t pixel = corner + i / 2 * t->w + i % 2;
          out[i][part] = value[i] == largest ? gradient : splat(0);
          gradient = value[i] == largest ? splat(0) : gradient;
          if (t->existing) out[i][part] += load_from(t->existing, kind & HALF, pixel * t->es + c);
          if (sums) add_statistics(t->statistics, pixel, c, out[i][part], &sum[part], &dot[part]);
        }
      }
      UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int part = 0; part < PARTS; part++) {
          int64_t place = (corner + i / 2 * t->w + i % 2) * t->dxs + c0 + part * VL;
          if (streamed) store_past(t->dx + place, out[i][part]);
          else store_to(t->dx, kind & HALF, place, out[i][part]);
        }
    }
    if (sums)
      UNROLL for (int part = 0; part < PARTS; part++) {
        store(sums + c0 + part * VL, sum[part]);
        store(sums + in->c + c0 + part * VL, dot[part]);
      }
  }
}

static void pool_row_back(void *context, int64_t index) {
  const pool_task *t = context;
  BY_KIND(t->in, pool_one_row_back(t, KIND, index));
}

static void max_pool_backward(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, const float *dy, int64_t dys,
                              const float *existing, int64_t es, float *dx, int64_t dxs, const ck_statistics *statistics) {
  int64_t tasks = n * (h / 2), bytes = tasks * 2 * in->c * 4;
  pool_task t = {n, h, w, dys, es, dxs, in, dy, existing, 0, dx, statistics, statistics ? ck_alloc(bytes) : 0};
  ck_parallel(threads, tasks, &t, pool_row_back);
  if (statistics) {
    add_partials(t.partial, tasks, 2 * in->c, statistics->sums);
    ck_free(t.partial, bytes);
  }
}
