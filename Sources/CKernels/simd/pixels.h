// Products over the channels of single pixels: 1x1 convolutions, and 2x2 ones with stride 2 in both directions.

enum { PIXEL_ROWS = 56, PIXEL_CHUNK = 512 };

static void pack_pixel(const float *matrix, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride,
                       int64_t padded_rows, int64_t padded_columns, float *out) {
  for (int64_t k0 = 0; k0 < padded_columns; k0 += 32) {
    int64_t width = least(32, padded_columns - k0);
    for (int64_t r = 0; r < padded_rows; r++)
      for (int64_t j = 0; j < width; j++)
        *out++ = r < rows && k0 + j < columns ? matrix[r * row_stride + (k0 + j) * column_stride] : 0;
  }
}

// The pixel of a twice as large image that tap (dy, dx) of small pixel p touches.
INLINE int64_t large_pixel(int64_t p, int64_t w, int tap) {
  int64_t row = p / w, x = p % w;  // row counts through all images
  return (2 * row + tap / 2) * 2 * w + 2 * x + tap % 2;
}

typedef struct {
  const ck_pixel_product *p;
  int64_t pixels, size;
  float *partial;  // [tasks][2][k] or null
} product_task;

// Copies pixels of a source into panel[c/16][room][16]; `tap` as in large_pixel, -1 for single pixels.
INLINE void fill_panel(const ck_source *s, int kind, int64_t first, int64_t count, int64_t w, int tap, float *panel,
                       int64_t room) {
  for (int64_t c = 0; c < s->c; c += VL) {
    source_factors f = factors_of(s, kind, c);
    float *out = panel + c / 16 * 16 * room + c % 16;
    for (int64_t i = 0; i < count; i++)
      store(out + i * 16, read_pixel(s, kind, &f, tap < 0 ? first + i : large_pixel(first + i, w, tap), c));
  }
}

// One row of block copies, where nothing is to be computed.
INLINE void copy_panel(const ck_source *s, int64_t first, int64_t count, int64_t w, int tap, float *panel, int64_t room) {
  for (int64_t i = 0; i < count; i++) {
    const float *x = s->x + (tap < 0 ? first + i : large_pixel(first + i, w, tap)) * s->xs;
    for (int64_t c = 0; c < s->c; c += 16) memcpy(panel + c * room + i * 16, x + c, 64);
  }
}

INLINE void read_panel(const ck_source *s, int64_t first, int64_t count, int64_t w, int tap, float *panel, int64_t room) {
  BY_KIND(s, if (KIND == PLAIN) copy_panel(s, first, count, w, tap, panel, room);
          else fill_panel(s, KIND, first, count, w, tap, panel, room));
}

static void product_pixels(void *context, int64_t index) {
  const product_task *t = context;
  const ck_pixel_product *p = t->p;
  int64_t first = index * t->size, count = least(t->size, t->pixels - first), room = t->size;
  int reads = p->gather ? p->taps : 1, writes = p->gather ? 1 : p->taps;
  int64_t depth = reads * p->c;
  float *panel = ck_scratch(0, depth * room * 4), *out = ck_scratch(1, room * 32 * 4);
  for (int tap = 0; tap < reads; tap++)
    read_panel(&p->in, first, count, p->w, reads == 1 ? -1 : tap, panel + tap * p->c * room, room);
  float *sums = t->partial ? t->partial + index * 2 * p->k : 0;
  for (int tap = 0; tap < writes; tap++)
    for (int64_t k = 0; k < p->k; k += 32) {
      int64_t width = least(32, p->k - k);
      panel_product(count, depth, panel, room * 16, p->filter + (tap * p->k + k) * depth, width, out, 0);
      for (int64_t i = 0; i < count; i++) {
        int64_t y = (writes == 1 ? first + i : large_pixel(first + i, p->w, tap)) * p->ys + k;
        for (int64_t lane = 0; lane < width; lane += VL) {
          vf value = load(out + i * width + lane);
          if (p->bias) value += load(p->bias + k + lane);
          store_to(p->y, p->half, y + lane, p->relu ? positive(value) : value);
        }
      }
      if (sums)
        for (int64_t lane = 0; lane < width; lane += VL) {
          vf sum = splat(0), dot = splat(0);
          for (int64_t i = 0; i < count; i++)
            add_statistics(p->statistics, first + i, k + lane, load(out + i * width + lane), &sum, &dot);
          store(sums + k + lane, sum);
          store(sums + p->k + k + lane, dot);
        }
    }
}

static void pixel_product(int threads, const ck_pixel_product *p) {
  product_task t = {p, p->n * p->h * p->w, round_up(PIXEL_ROWS, ROWS16), 0};
  int64_t tasks = pieces(t.pixels, t.size), bytes = tasks * 2 * p->k * 4;
  if (p->statistics) t.partial = ck_alloc(bytes);
  ck_parallel(threads, tasks, &t, product_pixels);
  if (p->statistics) {
    add_partials(t.partial, tasks, 2 * p->k, p->statistics->sums);
    ck_free(t.partial, bytes);
  }
}

// ---- gradient of the weights ----------------------------------------------------------------------------------------------
// Pixels are cut into at most 16 stretches; each stretch sums into its own matrix, chunk after chunk; the matrices are added
// in order.
typedef struct {
  const ck_pixel_weight *p;
  int64_t pixels, stretch, stretches;
  float *partial;  // [stretches][taps][k/32][c][32]
} pixel_weight_task;

static void weigh_stretch(void *context, int64_t index) {
  const pixel_weight_task *t = context;
  const ck_pixel_weight *p = t->p;
  int64_t matrix = p->c * p->k;
  int64_t stretch = index / p->taps, tap = index % p->taps;
  int64_t first = stretch * t->stretch, end = least(t->pixels, first + t->stretch);
  float *out = t->partial + index * matrix;
  memset(out, 0, (size_t)matrix * sizeof(float));
  float *a = ck_scratch(0, p->c * PIXEL_CHUNK * 4), *b = ck_scratch(1, p->k * PIXEL_CHUNK * 4);
  for (; first < end; first += PIXEL_CHUNK) {
    int64_t count = least(PIXEL_CHUNK, end - first);
    read_panel(&p->small, first, count, p->w, -1, a, PIXEL_CHUNK);
    read_panel(&p->large, first, count, p->w, p->taps == 1 ? -1 : (int)tap, b, PIXEL_CHUNK);
    for (int64_t k = 0; k < p->k; k += 32) {
      int64_t width = least(32, p->k - k);
      for (int64_t c = 0; c < p->c; c += 16)
        outer_product(count, a + c * PIXEL_CHUNK, b + k * PIXEL_CHUNK, PIXEL_CHUNK * 16, width,
                      out + k * p->c + c * width);
    }
  }
}

static void pixel_weight(int threads, const ck_pixel_weight *p) {
  pixel_weight_task t = {.p = p, .pixels = p->n * p->h * p->w};
  t.stretch = round_up(pieces(t.pixels, p->c * p->k > 65536 ? 4 : 16), PIXEL_CHUNK);
  t.stretches = pieces(t.pixels, t.stretch);
  int64_t matrix = p->c * p->k, bytes = t.stretches * p->taps * matrix * 4;
  t.partial = ck_alloc(bytes);
  ck_parallel(threads, t.stretches * p->taps, &t, weigh_stretch);
  for (int64_t tap = 0; tap < p->taps; tap++)
    for (int64_t k0 = 0; k0 < p->k; k0 += 32) {
      int64_t width = least(32, p->k - k0);
      for (int64_t c = 0; c < p->c; c++)
        for (int64_t j = 0; j < width; j++) {
          double sum = 0;
          for (int64_t s = 0; s < t.stretches; s++)
            sum += t.partial[(s * p->taps + tap) * matrix + k0 * p->c + c * width + j];
          p->dweight[(tap * p->c + c) * p->k + k0 + j] = (float)sum;
        }
    }
  ck_free(t.partial, bytes);
}
