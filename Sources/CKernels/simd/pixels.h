// Products over the channels of single pixels: 1x1 convolutions, and 2x2 ones with stride 2 in both directions.

enum { PIXEL_ROWS = 56, MOST_PIXEL_ROWS = 64, PIXEL_CHUNK = 512 };

static void pack_pixel(const float *matrix, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride,
                       int64_t padded_rows, int64_t padded_columns, float *out) {
  for (int64_t k0 = 0; k0 < padded_columns; k0 += 32) {
    int64_t width = least(32, padded_columns - k0);
    for (int64_t r = 0; r < padded_rows; r++)
      for (int64_t j = 0; j < width; j++)
        *out++ = r < rows && k0 + j < columns ? matrix[r * row_stride + (k0 + j) * column_stride] : 0;
  }
}

// The pixels of a task in an image: first, first + 1 ..., or with `large` the first pixel of each one's block in an image twice
// the size. No division for each.
INLINE void list_pixels(int64_t first, int64_t count, int64_t w, int large, int64_t *pixel) {
  int64_t row = first / w, x = first % w;  // row counts through all images
  for (int64_t i = 0; i < count; i++) {
    pixel[i] = large ? 4 * row * w + 2 * x : first + i;
    if (++x < w) continue;
    x = 0;
    row++;
  }
}

// From the first pixel of a block of 2x2 to the one that a tap touches.
INLINE int64_t tap_shift(int64_t w, int tap) { return tap / 2 * 2 * w + tap % 2; }

typedef struct {
  const ck_pixel_product *p;
  int64_t pixels, size;
  float *partial;  // [tasks][2][k] or null
} product_task;

// Copies the pixels `pixel[i] + shift` of a source into panel[c/16][room][16].
INLINE void fill_panel(const ck_source *s, int kind, const int64_t *pixel, int64_t shift, int64_t count, float *panel,
                       int64_t room) {
  for (int64_t c = 0; c < s->c; c += VL) {
    source_factors f = factors_of(s, kind, c);
    float *out = panel + c / 16 * 16 * room + c % 16;
    for (int64_t i = 0; i < count; i++) store(out + i * 16, read_pixel(s, kind, &f, pixel[i] + shift, c));
  }
}

// One row of block copies, where nothing is to be computed.
INLINE void copy_panel(const ck_source *s, const int64_t *pixel, int64_t shift, int64_t count, float *panel, int64_t room) {
  for (int64_t i = 0; i < count; i++) {
    const float *x = s->x + (pixel[i] + shift) * s->xs;
    for (int64_t c = 0; c < s->c; c += 16) memcpy(panel + c * room + i * 16, x + c, 64);
  }
}

INLINE void read_panel(const ck_source *s, const int64_t *pixel, int64_t shift, int64_t count, float *panel, int64_t room) {
  BY_KIND(s, if (KIND == PLAIN) copy_panel(s, pixel, shift, count, panel, room);
          else fill_panel(s, KIND, pixel, shift, count, panel, room));
}

static void product_pixels(void *context, int64_t index) {
  const product_task *t = context;
  const ck_pixel_product *p = t->p;
  int64_t first = index * t->size, count = least(t->size, t->pixels - first), room = t->size;
  int reads = p->gather ? p->taps : 1, writes = p->gather ? 1 : p->taps;
  int64_t depth = reads * p->c;
  float *panel = ck_scratch(0, depth * room * 4), *out = ck_scratch(1, room * 32 * 4);
  int64_t from[MOST_PIXEL_ROWS], to[MOST_PIXEL_ROWS];
  list_pixels(first, count, p->w, reads > 1, from);
  list_pixels(first, count, p->w, writes > 1, to);
  for (int tap = 0; tap < reads; tap++)
    read_panel(&p->in, from, tap_shift(p->w, tap), count, panel + tap * p->c * room, room);
  float *sums = t->partial ? t->partial + index * 2 * p->k : 0;
  int streamed = !p->half && is_streamed(t->pixels * writes * p->k);
  for (int tap = 0; tap < writes; tap++)
    for (int64_t k = 0; k < p->k; k += 32) {
      int64_t width = least(32, p->k - k), shift = tap_shift(p->w, tap);
      panel_product(count, depth, panel, room * 16, p->filter + (tap * p->k + k) * depth, width, out, 0);
      for (int64_t i = 0; i < count; i++) {
        int64_t y = (to[i] + shift) * p->ys + k;
        for (int64_t lane = 0; lane < width; lane += VL) {
          vf value = load(out + i * width + lane);
          if (p->bias) value += load(p->bias + k + lane);
          if (p->relu) value = positive(value);
          if (streamed) store_past(p->y + y + lane, value);
          else store_to(p->y, p->half, y + lane, value);
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
    int64_t small[PIXEL_CHUNK], large[PIXEL_CHUNK];
    list_pixels(first, count, p->w, 0, small);
    list_pixels(first, count, p->w, p->taps > 1, large);
    read_panel(&p->small, small, 0, count, a, PIXEL_CHUNK);
    read_panel(&p->large, large, tap_shift(p->w, (int)tap), count, b, PIXEL_CHUNK);
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
