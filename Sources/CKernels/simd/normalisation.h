// Batch normalisation with ReLU, sums by channel, and 2x2 maximum pooling.

enum { NORM_PIXELS = 1024 };

typedef struct {
  const ck_norm *p;
  const float *a, *b, *d;
  float *out;
  int64_t stride;
  float *partial;
} norm_task;

static void sum_pixels(void *context, int64_t index) {
  const norm_task *t = context;
  const ck_norm *p = t->p;
  int64_t first = index * NORM_PIXELS, end = least(p->pixels, first + NORM_PIXELS);
  for (int64_t c = 0; c < p->c; c += VL) {
    vf sum = splat(0), square = splat(0);
    for (int64_t i = first; i < end; i++) {
      vf x = load(p->y + i * p->ys + c);
      sum += x;
      square += x * x;
    }
    store(t->partial + index * 2 * p->c + c, sum);
    store(t->partial + (index * 2 + 1) * p->c + c, square);
  }
}

// Runs a body that fills partial[piece][2][c], and adds the pieces.
static void run_sums(int threads, const ck_norm *p, ck_body body, double *sums) {
  int64_t tasks = pieces(p->pixels, NORM_PIXELS), bytes = tasks * 2 * p->c * 4;
  norm_task t = {.p = p, .partial = ck_alloc(bytes)};
  ck_parallel(threads, tasks, &t, body);
  add_partials(t.partial, tasks, 2 * p->c, sums);
  ck_free(t.partial, bytes);
}

static void channel_sums(int threads, int64_t pixels, int64_t c, const float *x, int64_t xs, double *sums) {
  ck_norm p = {.pixels = pixels, .c = c, .y = x, .ys = xs};
  run_sums(threads, &p, sum_pixels, sums);
}

static void apply_pixels(void *context, int64_t index) {
  const norm_task *t = context;
  const ck_norm *p = t->p;
  int64_t first = index * NORM_PIXELS, end = least(p->pixels, first + NORM_PIXELS);
  for (int64_t i = first; i < end; i++)
    for (int64_t c = 0; c < p->c; c += VL) {
      vf z = load(p->y + i * p->ys + c) * load(p->scale + c) + load(p->shift + c);
      store(t->out + i * t->stride + c, p->relu ? positive(z) : z);
    }
}

static void norm_forward(int threads, const ck_norm *p, float *z, int64_t zs) {
  norm_task t = {.p = p, .out = z, .stride = zs};
  ck_parallel(threads, pieces(p->pixels, NORM_PIXELS), &t, apply_pixels);
}

// The gradient that passes the ReLU.
INLINE vf passed(const ck_norm *p, int64_t i, int64_t c, vf y) {
  vf g = load(p->dz + i * p->dzs + c);
  if (!p->relu) return g;
  vf z = y * load(p->scale + c) + load(p->shift + c);
  return z > splat(0) ? g : splat(0);
}

static void gradient_pixels(void *context, int64_t index) {
  const norm_task *t = context;
  const ck_norm *p = t->p;
  int64_t first = index * NORM_PIXELS, end = least(p->pixels, first + NORM_PIXELS);
  float *sums = t->partial + index * 2 * p->c;
  memset(sums, 0, (size_t)(2 * p->c) * 4);
  // Few channels stay in registers; with many, pixel after pixel keeps memory in order.
  if (p->c <= 2 * VL) {
    vf sum[2] = {splat(0), splat(0)}, dot[2] = {splat(0), splat(0)};
    for (int64_t i = first; i < end; i++)
      for (int64_t v = 0; v * VL < p->c; v++) {
        vf y = load(p->y + i * p->ys + v * VL), g = passed(p, i, v * VL, y);
        sum[v] += g;
        dot[v] += g * (y - load(p->mean + v * VL));
      }
    for (int64_t v = 0; v * VL < p->c; v++) {
      store(sums + v * VL, sum[v]);
      store(sums + p->c + v * VL, dot[v]);
    }
    return;
  }
  for (int64_t i = first; i < end; i++)
    for (int64_t c = 0; c < p->c; c += VL) {
      vf y = load(p->y + i * p->ys + c), g = passed(p, i, c, y);
      store(sums + c, load(sums + c) + g);
      store(sums + p->c + c, load(sums + p->c + c) + g * (y - load(p->mean + c)));
    }
}

static void norm_sums(int threads, const ck_norm *p, double *sums) { run_sums(threads, p, gradient_pixels, sums); }

static void backward_pixels(void *context, int64_t index) {
  const norm_task *t = context;
  const ck_norm *p = t->p;
  int64_t first = index * NORM_PIXELS, end = least(p->pixels, first + NORM_PIXELS);
  for (int64_t i = first; i < end; i++)
    for (int64_t c = 0; c < p->c; c += VL) {
      vf y = load(p->y + i * p->ys + c);
      store(t->out + i * t->stride + c, load(t->a + c) * passed(p, i, c, y) + load(t->b + c) * y + load(t->d + c));
    }
}

static void norm_backward(int threads, const ck_norm *p, const float *a, const float *b, const float *d, float *dy,
                          int64_t dys) {
  norm_task t = {.p = p, .a = a, .b = b, .d = d, .out = dy, .stride = dys};
  ck_parallel(threads, pieces(p->pixels, NORM_PIXELS), &t, backward_pixels);
}

// ---- pooling --------------------------------------------------------------------------------------------------------------
typedef struct {
  int64_t n, h, w, c, xs, dys, es, dxs;
  const float *x, *dy, *existing;
  float *y, *dx;
} pool_task;

static void pool_row(void *context, int64_t index) {
  const pool_task *t = context;
  int64_t oh = t->h / 2, ow = t->w / 2, image = index / oh, oy = index % oh;
  for (int64_t ox = 0; ox < ow; ox++) {
    const float *top = t->x + ((image * t->h + 2 * oy) * t->w + 2 * ox) * t->xs, *bottom = top + t->w * t->xs;
    float *out = t->y + (index * ow + ox) * t->c;
    for (int64_t c = 0; c < t->c; c += VL)
      store(out + c, maximum(maximum(load(top + c), load(top + t->xs + c)),
                             maximum(load(bottom + c), load(bottom + t->xs + c))));
  }
}

static void max_pool(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs, float *y) {
  pool_task t = {.n = n, .h = h, .w = w, .c = c, .xs = xs, .x = x, .y = y};
  ck_parallel(threads, n * (h / 2), &t, pool_row);
}

static void pool_row_back(void *context, int64_t index) {
  const pool_task *t = context;
  int64_t oh = t->h / 2, ow = t->w / 2, image = index / oh, oy = index % oh;
  int64_t corner = (image * t->h + 2 * oy) * t->w;
  const int64_t place[4] = {0, 1, t->w, t->w + 1};
  for (int64_t ox = 0; ox < ow; ox++, corner += 2) {
    const float *g = t->dy + (index * ow + ox) * t->dys;
    for (int64_t c = 0; c < t->c; c += VL) {
      vf value[4], gradient = load(g + c);
      UNROLL for (int i = 0; i < 4; i++) value[i] = load(t->x + (corner + place[i]) * t->xs + c);
      vf largest = maximum(maximum(value[0], value[1]), maximum(value[2], value[3]));
      UNROLL for (int i = 0; i < 4; i++) {
        vf out = value[i] == largest ? gradient : splat(0);
        gradient = value[i] == largest ? splat(0) : gradient;
        if (t->existing) out += load(t->existing + (corner + place[i]) * t->es + c);
        store(t->dx + (corner + place[i]) * t->dxs + c, out);
      }
    }
  }
}

static void max_pool_backward(int threads, int64_t n, int64_t h, int64_t w, int64_t c, const float *x, int64_t xs,
                              const float *dy, int64_t dys, const float *existing, int64_t es, float *dx, int64_t dxs) {
  pool_task t = {n, h, w, c, xs, dys, es, dxs, x, dy, existing, 0, dx};
  ck_parallel(threads, n * (h / 2), &t, pool_row_back);
}
