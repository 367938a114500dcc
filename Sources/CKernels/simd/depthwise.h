// 3x3 convolutions with stride 1 and padding 1 in which every channel has its own filter; weight9[9][c].

enum { DEPTHWISE_ROWS = 8 };

typedef struct {
  int64_t n, h, w, c, xs, ys;
  const float *x, *weight9, *bias, *dy;
  float *y, *partial;
  int rotate;
} depthwise_task;

// One row of one image. Rows and columns outside count as 0 and are left out of the sums.
static void depthwise_row(void *context, int64_t index) {
  const depthwise_task *t = context;
  int64_t y = index % t->h, line = t->w * t->xs;
  const float *rows[3];
  for (int r = 0; r < 3; r++) rows[r] = y + r - 1 >= 0 && y + r - 1 < t->h ? t->x + (index + r - 1) * line : 0;
  for (int64_t c = 0; c < t->c; c += VL) {
    vf weight[9], bias = t->bias ? load(t->bias + c) : splat(0);
    UNROLL for (int i = 0; i < 9; i++) weight[i] = load(t->weight9 + (t->rotate ? 8 - i : i) * t->c + c);
    for (int64_t x = 0; x < t->w; x++) {
      vf sum = bias;
      UNROLL for (int r = 0; r < 3; r++) {
        if (!rows[r]) continue;
        const float *at = rows[r] + x * t->xs + c;
        if (x > 0) sum += load(at - t->xs) * weight[r * 3];
        sum += load(at) * weight[r * 3 + 1];
        if (x + 1 < t->w) sum += load(at + t->xs) * weight[r * 3 + 2];
      }
      store(t->y + (index * t->w + x) * t->ys + c, sum);
    }
  }
}

static void depthwise(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs,
                      const float *weight9, const float *bias, int rotate, float *y, int64_t ys) {
  depthwise_task t = {n, h, w, c, xs, ys, x, weight9, bias, 0, y, 0, rotate};
  ck_parallel(threads, n * h, &t, depthwise_row);
}

static void depthwise_weight_rows(void *context, int64_t index) {
  const depthwise_task *t = context;
  int64_t bands = pieces(t->h, DEPTHWISE_ROWS), image = index / bands, y0 = index % bands * DEPTHWISE_ROWS;
  int64_t y1 = least(t->h, y0 + DEPTHWISE_ROWS);
  for (int64_t c = 0; c < t->c; c += VL) {
    vf sum[9];
    UNROLL for (int i = 0; i < 9; i++) sum[i] = splat(0);
    for (int64_t y = y0; y < y1; y++) {
      const float *dy = t->dy + (image * t->h + y) * t->w * t->ys + c;
      UNROLL for (int r = 0; r < 3; r++) {
        int64_t source = y + r - 1;
        if (source < 0 || source >= t->h) continue;
        const float *line = t->x + (image * t->h + source) * t->w * t->xs + c;
        for (int64_t x = 0; x < t->w; x++) {
          vf g = load(dy + x * t->ys);
          if (x > 0) sum[r * 3] += load(line + (x - 1) * t->xs) * g;
          sum[r * 3 + 1] += load(line + x * t->xs) * g;
          if (x + 1 < t->w) sum[r * 3 + 2] += load(line + (x + 1) * t->xs) * g;
        }
      }
    }
    UNROLL for (int i = 0; i < 9; i++) store(t->partial + (index * 9 + i) * t->c + c, sum[i]);
  }
}

static void depthwise_weight(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs,
                             const float *dy, int64_t ys, float *dweight9) {
  int64_t tasks = n * pieces(h, DEPTHWISE_ROWS), bytes = tasks * 9 * c * 4, sum_bytes = 9 * c * 8;
  depthwise_task t = {n, h, w, c, xs, ys, x, 0, 0, dy, 0, ck_alloc(bytes), 0};
  double *sums = ck_alloc(sum_bytes);
  ck_parallel(threads, tasks, &t, depthwise_weight_rows);
  add_partials(t.partial, tasks, 9 * c, sums);
  for (int64_t i = 0; i < 9 * c; i++) dweight9[i] = (float)sums[i];
  ck_free(sums, sum_bytes);
  ck_free(t.partial, bytes);
}
