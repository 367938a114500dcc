// Convolutions with one input or one output channel, whose single channel lies in contiguous planes.

enum { SINGLE_ROWS = 8, SINGLE_RUN = 32, SINGLE_PIXELS = 4096 };

typedef struct {
  int64_t n, h, w, k;
  const float *x, *weight9, *bias;
  const ck_source *dy;
  float *y, *partial;
  int64_t ys;
  int relu, half;
} single_task;

// SINGLE_ROWS rows of one image: 16 output channels at a time, the nine weights in registers.
static void single_rows(void *context, int64_t index) {
  const single_task *t = context;
  int64_t bands = pieces(t->h, SINGLE_ROWS), image = index / bands, y0 = index % bands * SINGLE_ROWS;
  int64_t y1 = least(t->h, y0 + SINGLE_ROWS), padded = t->w + 2;
  float *band = ck_scratch(0, (SINGLE_ROWS + 2) * padded * 4);
  for (int64_t y = y0 - 1; y <= y1; y++) {
    float *line = band + (y - y0 + 1) * padded;
    line[0] = line[t->w + 1] = 0;
    if (y < 0 || y >= t->h) memset(line + 1, 0, (size_t)t->w * 4);
    else memcpy(line + 1, t->x + (image * t->h + y) * t->w, (size_t)t->w * 4);
  }
  float *sums = t->partial ? t->partial + index * 2 * t->k : 0;
  int streamed = !t->half && is_streamed(t->n * t->h * t->w * t->ys);
  if (sums) memset(sums, 0, (size_t)(2 * t->k) * sizeof(float));
  // Runs of pixels, so that the 16 channels of a line are written at once while each vector's weights stay in registers.
  for (int64_t k0 = 0; k0 < t->k; k0 += 16)
    for (int64_t y = y0; y < y1; y++)
      for (int64_t x0 = 0; x0 < t->w; x0 += SINGLE_RUN) {
        const float *line = band + (y - y0) * padded + x0;
        int64_t count = least(SINGLE_RUN, t->w - x0), out = ((image * t->h + y) * t->w + x0) * t->ys + k0;
        vf run[SINGLE_RUN][PARTS];
        UNROLL for (int part = 0; part < PARTS; part++) {
          int64_t k = k0 + part * VL;
          vf weight[9], bias = t->bias ? load(t->bias + k) : splat(0), sum = splat(0), square = splat(0);
          UNROLL for (int i = 0; i < 9; i++) weight[i] = load(t->weight9 + i * t->k + k);
          if (sums) {
            sum = load(sums + k);
            square = load(sums + t->k + k);
          }
          for (int64_t x = 0; x < count; x++) {
            vf value = splat(0);
            UNROLL for (int i = 0; i < 9; i++) value += splat(line[i / 3 * padded + x + i % 3]) * weight[i];
            sum += value;
            square += value * value;
            value += bias;
            run[x][part] = t->relu ? positive(value) : value;
          }
          if (sums) {
            store(sums + k, sum);
            store(sums + t->k + k, square);
          }
        }
        for (int64_t x = 0; x < count; x++)
          UNROLL for (int part = 0; part < PARTS; part++) {
            int64_t place = out + x * t->ys + part * VL;
            if (streamed) store_past(t->y + place, run[x][part]);
            else store_to(t->y, t->half, place, run[x][part]);
          }
      }
}

static void single_input(int threads, int64_t n, int64_t h, int64_t w, int64_t k, const float *x, const float *weight9,
                         const float *bias, int relu, float *y, int64_t ys, int half, double *sums) {
  single_task t = {n, h, w, k, x, weight9, bias, 0, y, 0, ys, relu, half};
  int64_t tasks = n * pieces(h, SINGLE_ROWS), bytes = tasks * 2 * k * 4;
  if (sums) t.partial = ck_alloc(bytes);
  ck_parallel(threads, tasks, &t, single_rows);
  if (sums) {
    add_partials(t.partial, tasks, 2 * k, sums);
    ck_free(t.partial, bytes);
  }
}

// Sums of one row's gradients times the pixels around it.
INLINE void single_weight_row(const single_task *t, const ck_source *in, int kind, const source_factors *f, int64_t image,
                              int64_t y, int64_t k, vf sum[9]) {
  int64_t pixel = (image * t->h + y) * t->w;
  const float *rows[3];
  for (int r = 0; r < 3; r++) {
    int64_t source = y + r - 1;
    rows[r] = source < 0 || source >= t->h ? 0 : t->x + (image * t->h + source) * t->w;
  }
  vf row[9];
  UNROLL for (int i = 0; i < 9; i++) row[i] = splat(0);
  for (int64_t x = 0; x < t->w; x++) {
    if (x + 16 < t->w) prefetch_pixel(in, kind, pixel + x + 16, k);
    vf g = read_pixel(in, kind, f, pixel + x, k);
    UNROLL for (int r = 0; r < 3; r++) {
      const float *line = rows[r];
      if (!line) continue;
      if (x > 0) row[r * 3] += splat(line[x - 1]) * g;
      row[r * 3 + 1] += splat(line[x]) * g;
      if (x + 1 < t->w) row[r * 3 + 2] += splat(line[x + 1]) * g;
    }
  }
  UNROLL for (int i = 0; i < 9; i++) sum[i] += row[i];
}

static void single_weight_rows(void *context, int64_t index) {
  const single_task *t = context;
  int64_t bands = pieces(t->h, SINGLE_ROWS), image = index / bands, y0 = index % bands * SINGLE_ROWS;
  int64_t y1 = least(t->h, y0 + SINGLE_ROWS);
  const ck_source *in = t->dy;
  for (int64_t k = 0; k < t->k; k += VL) {
    vf sum[9];
    UNROLL for (int i = 0; i < 9; i++) sum[i] = splat(0);
    BY_KIND(in, source_factors f = factors_of(in, KIND, k);
            for (int64_t y = y0; y < y1; y++) single_weight_row(t, in, KIND, &f, image, y, k, sum));
    UNROLL for (int i = 0; i < 9; i++) store(t->partial + (index * 9 + i) * t->k + k, sum[i]);
  }
}

static void single_input_weight(int threads, int64_t n, int64_t h, int64_t w, int64_t k, const float *x, const ck_source *dy,
                                float *dweight9) {
  int64_t tasks = n * pieces(h, SINGLE_ROWS), bytes = tasks * 9 * k * 4, sum_bytes = 9 * k * 8;
  single_task t = {n, h, w, k, x, 0, 0, dy, 0, ck_alloc(bytes), 0, 0, 0};
  double *sums = ck_alloc(sum_bytes);
  ck_parallel(threads, tasks, &t, single_weight_rows);
  add_partials(t.partial, tasks, 9 * k, sums);
  for (int64_t i = 0; i < 9 * k; i++) dweight9[i] = (float)sums[i];
  ck_free(sums, sum_bytes);
  ck_free(t.partial, bytes);
}

typedef struct {
  int64_t pixels, dxs;
  const ck_source *in;
  const float *weight, *dy;
  float *y, *dx, *partial;
  float bias;
  int half;
  const ck_statistics *statistics;
} output_task;

static void single_output_pixels(void *context, int64_t index) {
  const output_task *t = context;
  const ck_source *in = t->in;
  int64_t first = index * SINGLE_PIXELS, end = least(t->pixels, first + SINGLE_PIXELS);
  for (int64_t p = first; p < end; p += 64) {
    int64_t stop = least(end, p + 64);
    vf sum[64];
    for (int64_t c = 0; c < in->c; c += VL) {
      vf weight = load(t->weight + c);
      BY_KIND(in, source_factors f = factors_of(in, KIND, c);
              for (int64_t i = p; i < stop; i++) {
                vf part = read_pixel(in, KIND, &f, i, c) * weight;
                sum[i - p] = c ? sum[i - p] + part : part;
              });
    }
    for (int64_t i = p; i < stop; i++) t->y[i] = t->bias + total(sum[i - p]);
  }
}

static void single_output(int threads, int64_t pixels, const ck_source *in, const float *weight, float bias, float *y) {
  output_task t = {.pixels = pixels, .in = in, .weight = weight, .y = y, .bias = bias};
  ck_parallel(threads, pieces(pixels, SINGLE_PIXELS), &t, single_output_pixels);
}

// partial[index]: [c] of dweight, [16] of dbias, [2][c] of the statistics
static void single_output_back(void *context, int64_t index) {
  const output_task *t = context;
  const ck_source *in = t->in;
  int64_t first = index * SINGLE_PIXELS, end = least(t->pixels, first + SINGLE_PIXELS);
  float *sums = t->partial + index * (3 * in->c + 16), *statistics = sums + in->c + 16, bias = 0;
  int streamed = t->dx && !t->half && is_streamed(t->pixels * in->c);
  for (int64_t c0 = 0; c0 < in->c; c0 += 16) {
    vf sum[PARTS], weight[PARTS], passed[PARTS], dot[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) {
      sum[part] = passed[part] = dot[part] = splat(0);
      weight[part] = load(t->weight + c0 + part * VL);
    }
    BY_KIND(in, source_factors f[PARTS];
            UNROLL for (int part = 0; part < PARTS; part++) f[part] = factors_of(in, KIND, c0 + part * VL);
            for (int64_t p = first; p < end; p++) {
              vf g = splat(t->dy[p]);
              UNROLL for (int part = 0; part < PARTS; part++) {
                int64_t c = c0 + part * VL;
                sum[part] += g * read_pixel(in, KIND, &f[part], p, c);
                if (streamed) store_past(t->dx + p * t->dxs + c, g * weight[part]);
                else if (t->dx) store_to(t->dx, t->half, p * t->dxs + c, g * weight[part]);
                if (t->statistics) add_statistics(t->statistics, p, c, g * weight[part], &passed[part], &dot[part]);
              }
            });
    UNROLL for (int part = 0; part < PARTS; part++) {
      int64_t c = c0 + part * VL;
      store(sums + c, sum[part]);
      store(statistics + c, passed[part]);
      store(statistics + in->c + c, dot[part]);
    }
  }
  for (int64_t p = first; p < end; p++) bias += t->dy[p];
  memset(sums + in->c, 0, 64);
  sums[in->c] = bias;
}

static void single_output_backward(int threads, int64_t pixels, const ck_source *in, const float *weight, const float *dy,
                                   float *dx, int64_t dxs, int half, const ck_statistics *statistics, float *dweight,
                                   float *dbias) {
  int64_t c = in->c, width = 3 * c + 16, tasks = pieces(pixels, SINGLE_PIXELS), bytes = tasks * width * 4;
  output_task t = {pixels, dxs, in, weight, dy, 0, dx, ck_alloc(bytes), 0, half, statistics};
  double *sums = ck_alloc(width * 8);
  ck_parallel(threads, tasks, &t, single_output_back);
  add_partials(t.partial, tasks, width, sums);
  for (int64_t k = 0; k < c; k++) dweight[k] = (float)sums[k];
  *dbias = (float)sums[c];
  if (statistics) memcpy(statistics->sums, sums + c + 16, (size_t)(2 * c) * 8);
  ck_free(sums, width * 8);
  ck_free(t.partial, bytes);
}

// ---- 3x3 to one channel ---------------------------------------------------------------------------------------------------
enum { OUTPUT3_STRIP = 16, OUTPUT3_ROWS = 8, OUTPUT3_RUN = 8 };

typedef struct {
  int64_t n, h, w;
  const ck_source *in;
  const float *weight9;
  float bias;
  float *y;
} output3_task;

// The outputs of the columns x0 ..< x1 of row y, at most OUTPUT3_RUN; `whole`: all of them, none at the left or right edge.
// Their sums stay in registers while the channels pass by.
INLINE void output3_run(const output3_task *t, int kind, int whole, int64_t image, int64_t y, int64_t x0, int64_t x1) {
  const ck_source *in = t->in;
  vf sum[OUTPUT3_RUN];
  UNROLL for (int j = 0; j < OUTPUT3_RUN; j++) sum[j] = splat(0);
  for (int64_t c = 0; c < in->c; c += VL) {
    source_factors f = factors_of(in, kind, c);
    for (int64_t r = 0; r < 3; r++) {
      if (y + r - 1 < 0 || y + r - 1 >= t->h) continue;
      int64_t first = (image * t->h + y + r - 1) * t->w + x0;
      const float *weight = t->weight9 + r * 3 * in->c + c;
      vf left = load(weight), centre = load(weight + in->c), right = load(weight + 2 * in->c);
      vf before = whole || x0 > 0 ? read_pixel(in, kind, &f, first - 1, c) : splat(0);
      vf here = read_pixel(in, kind, &f, first, c);
      UNROLL for (int j = 0; j < OUTPUT3_RUN; j++) {
        if (!whole && x0 + j >= x1) continue;
        vf after = whole || x0 + j + 1 < t->w ? read_pixel(in, kind, &f, first + j + 1, c) : splat(0);
        sum[j] += before * left + here * centre + after * right;
        before = here;
        here = after;
      }
    }
  }
  float *out = t->y + (image * t->h + y) * t->w + x0;
  UNROLL for (int j = 0; j < OUTPUT3_RUN; j++)
    if (whole || x0 + j < x1) out[j] = t->bias + total(sum[j]);
}

static void output3_edge(const output3_task *t, int64_t image, int64_t y, int64_t x0, int64_t x1) {
  BY_KIND(t->in, output3_run(t, KIND, 0, image, y, x0, x1));
}

// Some rows of an image, strip by strip: what the rows of a strip share stays in the first-level cache.
static void output3_rows(void *context, int64_t index) {
  const output3_task *t = context;
  int64_t blocks = pieces(t->h, OUTPUT3_ROWS), image = index / blocks;
  int64_t y0 = index % blocks * OUTPUT3_ROWS, y1 = least(t->h, y0 + OUTPUT3_ROWS);
  for (int64_t s0 = 0; s0 < t->w; s0 += OUTPUT3_STRIP) {
    int64_t s1 = least(t->w, s0 + OUTPUT3_STRIP);
    for (int64_t y = y0; y < y1; y++) {
      if (y + 2 < t->h)  // the row that the next one needs
        for (int64_t x = s0; x < s1; x++)
          for (int64_t c = 0; c < t->in->c; c += 16)
            prefetch_pixel(t->in, source_kind(t->in), (image * t->h + y + 2) * t->w + x, c);
      BY_KIND(t->in, for (int64_t x = s0; x < s1; x += OUTPUT3_RUN) {
        if (x > 0 && x + OUTPUT3_RUN < t->w && x + OUTPUT3_RUN <= s1) output3_run(t, KIND, 1, image, y, x, x + OUTPUT3_RUN);
        else output3_edge(t, image, y, x, least(s1, x + OUTPUT3_RUN));
      });
    }
  }
}

static void single_output3(int threads, int64_t n, int64_t h, int64_t w, const ck_source *in, const float *weight9, float bias,
                           float *y) {
  output3_task t = {n, h, w, in, weight9, bias, y};
  ck_parallel(threads, n * pieces(h, OUTPUT3_ROWS), &t, output3_rows);
}
