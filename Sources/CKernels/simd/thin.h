// Convolutions with stride 1 between a thin image, few channels in contiguous planes, and a wide one, channels-last: the first
// and the last layer of a network whose kernels are larger than 3x3. Lines of the thin image are padded with zeros and meet the
// wide image, or the filter, in a register tile; nothing is unfolded.
#include "vector.h"
#include "source.h"

enum {
  THIN_ROWS = 8,                      // output rows of a task; even
  THIN_STRIP = 256,                   // output columns of a task of thin_output
  THIN_PIXELS = 64,                   // pixels that thin_weight sums before it adds to memory
  THIN_SLACK = 16,                    // zeros behind a line: no tile has more rows
  THIN_COLUMNS = VL == 16 ? 12 : 6,   // columns of the tile of thin_output, which has two rows
};

typedef struct {
  const ck_thin *g;
  const float *planes, *filter, *bias;
  const ck_source *wide;
  float *y, *partial;
  int64_t ys, line;  // line: floats of a padded line
  int half;
} thin_task;

// Rows of the tiles: with the vectors that they meet they fit the registers, and nine or five of them are few tiles.
#if VL == 16
enum { THIN_ROWS32 = 10, THIN_ROWS16 = 10 };
#elif VL == 8
enum { THIN_ROWS32 = 3, THIN_ROWS16 = 5 };
#else
enum { THIN_ROWS32 = 1, THIN_ROWS16 = 3 };
#endif

// out[r][WIDTH] = sum over c, ky and t of line[c][ky][t + r] * columns[c][ky][t][WIDTH], r < ROWS
#define THIN_TILE(NAME, ROWS, WIDTH)                                                                              \
  static void NAME(int64_t planes, int64_t lines, int64_t count, const float *line, int64_t plane_step,           \
                   int64_t line_step, const float *columns, float *out) {                                         \
    enum { V = WIDTH / VL };                                                                                      \
    vf sum[ROWS][V];                                                                                              \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) sum[r][v] = splat(0);                \
    for (int64_t c = 0; c < planes; c++)                                                                          \
      for (int64_t ky = 0; ky < lines; ky++) {                                                                    \
        const float *from = line + c * plane_step + ky * line_step;                                               \
        for (int64_t t = 0; t < count; t++, columns += WIDTH) {                                                   \
          vf a[ROWS];                                                                                             \
          UNROLL for (int r = 0; r < ROWS; r++) a[r] = splat(from[t + r]);                                        \
          UNROLL for (int v = 0; v < V; v++) {                                                                    \
            vf b = load(columns + v * VL);                                                                        \
            UNROLL for (int r = 0; r < ROWS; r++) sum[r][v] += a[r] * b;                                          \
          }                                                                                                       \
        }                                                                                                         \
      }                                                                                                           \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) store(out + r * WIDTH + v * VL, sum[r][v]); \
  }
THIN_TILE(thin_tile32, THIN_ROWS32, 32)
THIN_TILE(thin_tile16, THIN_ROWS16, 16)

// Lines of all planes of one image that output rows y0 ..< y0 + THIN_ROWS read: band[thin][THIN_ROWS + kh - 1][line].
static float *thin_band(const thin_task *t, int64_t image, int64_t y0) {
  const ck_thin *g = t->g;
  int64_t rows = THIN_ROWS + g->kh - 1, width = g->ow + g->kw - 1;
  int64_t first = g->px < width ? g->px : width, end = least(g->w + g->px, width);
  float *band = ck_scratch(0, g->thin * rows * t->line * 4), *line = band;
  for (int64_t c = 0; c < g->thin; c++)
    for (int64_t row = 0; row < rows; row++, line += t->line) {
      int64_t y = y0 + row - g->py;
      memset(line, 0, (size_t)t->line * 4);
      if (y < 0 || y >= g->h || end <= first) continue;
      memcpy(line + first, t->planes + ((image * g->thin + c) * g->h + y) * g->w + first - g->px, (size_t)(end - first) * 4);
    }
  return band;
}

static int64_t thin_line(const ck_thin *g) { return round_up(g->ow + g->kw - 1 + THIN_SLACK, 16); }

INLINE int64_t thin_width(const ck_thin *g, int64_t k) { return g->wide - k >= 32 ? 32 : 16; }

INLINE float thin_weight_at(const ck_thin *g, const float *weight, int64_t thin, int64_t wide, int64_t tap) {
  if (wide >= g->true_wide) return 0;
  return weight[thin * g->thin_stride + wide * g->wide_stride + (g->rotate ? g->kh * g->kw - 1 - tap : tap)];
}

// ---- thin to wide -----------------------------------------------------------------------------------------------------------
static void thin_input_rows(void *context, int64_t index) {
  const thin_task *t = context;
  const ck_thin *g = t->g;
  int64_t bands = pieces(g->oh, THIN_ROWS), image = index / bands, y0 = index % bands * THIN_ROWS;
  int64_t y1 = least(g->oh, y0 + THIN_ROWS), lines = THIN_ROWS + g->kh - 1, taps = g->thin * g->kh * g->kw;
  const float *band = thin_band(t, image, y0);
  float out[THIN_SLACK * 32];
  for (int64_t k = 0, width; k < g->wide; k += width) {
    width = thin_width(g, k);
    int64_t step = width == 32 ? THIN_ROWS32 : THIN_ROWS16;
    const float *filter = t->filter + k * taps;
    for (int64_t y = y0; y < y1; y++)
      for (int64_t x = 0; x < g->ow; x += step) {
        const float *line = band + (y - y0) * t->line + x;
        (width == 32 ? thin_tile32 : thin_tile16)(g->thin, g->kh, g->kw, line, lines * t->line, t->line, filter, out);
        int64_t at = ((image * g->oh + y) * g->ow + x) * t->ys + k, count = least(step, g->ow - x);
        for (int64_t r = 0; r < count; r++)
          for (int64_t v = 0; v < width; v += VL) {
            vf value = load(out + r * width + v);
            store_to(t->y, t->half, at + r * t->ys + v, t->bias ? value + load(t->bias + k + v) : value);
          }
      }
  }
}

static void thin_input(int threads, const ck_thin *g, const float *x, const float *weight, const float *bias, float *y,
                       int64_t ys, int half) {
  int64_t taps = g->kh * g->kw, bytes = g->thin * taps * g->wide * 4;
  float *filter = ck_alloc(bytes), *to = filter;
  for (int64_t k = 0, width; k < g->wide; k += width) {
    width = thin_width(g, k);
    for (int64_t c = 0; c < g->thin; c++)
      for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t i = 0; i < width; i++) *to++ = thin_weight_at(g, weight, c, k + i, tap);
  }
  thin_task t = {.g = g, .planes = x, .filter = filter, .bias = bias, .y = y, .ys = ys, .line = thin_line(g), .half = half};
  ck_parallel(threads, g->n * pieces(g->oh, THIN_ROWS), &t, thin_input_rows);
  ck_free(filter, bytes);
}

// ---- wide to thin -----------------------------------------------------------------------------------------------------------

// Adds one line of pixels to the sums of two output rows; either may have no filter for it.
INLINE void thin_line_sums(int64_t kw, const float *line, const float *upper, const float *lower, vf sum[2][THIN_COLUMNS]) {
  for (int64_t kx = 0; kx < kw; kx++, line += 16) {
    vf a = upper ? load(upper + kx * 16) : splat(0), b = lower ? load(lower + kx * 16) : splat(0);
    UNROLL for (int x = 0; x < THIN_COLUMNS; x++) {
      vf pixel = load(line + x * 16);
      if (upper) sum[0][x] += pixel * a;
      if (lower) sum[1][x] += pixel * b;
    }
  }
}

// Two rows of THIN_COLUMNS outputs: line points at their first pixel in a band of 16 channels, filter[kh][kw][16].
static void thin_output_tile(const ck_thin *g, const float *line, int64_t line_step, const float *filter, float *y,
                             int64_t y_step) {
  vf sum[2][THIN_COLUMNS];
  UNROLL for (int x = 0; x < THIN_COLUMNS; x++) sum[0][x] = sum[1][x] = splat(0);
  int64_t row = g->kw * 16;
  for (int v = 0; v < 16; v += VL) {
    const float *f = filter + v, *from = line + v;
    thin_line_sums(g->kw, from, f, 0, sum);
    for (int64_t ky = 1; ky < g->kh; ky++) thin_line_sums(g->kw, from + ky * line_step, f + ky * row, f + (ky - 1) * row, sum);
    thin_line_sums(g->kw, from + g->kh * line_step, 0, f + (g->kh - 1) * row, sum);
  }
  UNROLL for (int x = 0; x < THIN_COLUMNS; x++) {
    y[x] += total(sum[0][x]);
    y[y_step + x] += total(sum[1][x]);
  }
}

// One strip of THIN_ROWS output rows, 16 input channels after the other.
static void thin_output_strip(void *context, int64_t index) {
  const thin_task *t = context;
  const ck_thin *g = t->g;
  const ck_source *in = t->wide;
  int64_t strips = pieces(g->ow, THIN_STRIP), bands = pieces(g->oh, THIN_ROWS);
  int64_t x0 = index % strips * THIN_STRIP, y0 = index / strips % bands * THIN_ROWS, image = index / strips / bands;
  int64_t width = round_up(least(g->ow - x0, THIN_STRIP), THIN_COLUMNS), pixels = width + g->kw - 1;
  int64_t rows = THIN_ROWS + g->kh - 1, taps = g->kh * g->kw;
  float *band = ck_scratch(0, rows * pixels * 16 * 4), *sums = ck_scratch(1, g->thin * THIN_ROWS * width * 4);
  for (int64_t k = 0; k < g->thin; k++)
    for (int64_t i = 0; i < THIN_ROWS * width; i++) sums[k * THIN_ROWS * width + i] = t->bias ? t->bias[k] : 0;
  for (int64_t c = 0; c < g->wide; c += 16) {
    for (int64_t row = 0; row < rows; row++) {
      int64_t y = y0 + row - g->py, first = g->px > x0 ? g->px - x0 : 0, end = g->w + g->px - x0;
      float *line = band + row * pixels * 16;
      first = least(first, pixels);
      end = y < 0 || y >= g->h || end < first ? first : least(end, pixels);
      memset(line, 0, (size_t)first * 64);
      memset(line + end * 16, 0, (size_t)(pixels - end) * 64);
      int64_t pixel = (image * g->h + y) * g->w + x0 - g->px;
      for (int v = 0; v < 16; v += VL)
        BY_KIND(in, source_factors f = factors_of(in, KIND, c + v);
                for (int64_t x = first; x < end; x++) store(line + x * 16 + v, read_pixel(in, KIND, &f, pixel + x, c + v)));
    }
    for (int64_t k = 0; k < g->thin; k++)
      for (int64_t y = 0; y < THIN_ROWS && y0 + y < g->oh; y += 2)
        for (int64_t x = 0; x < width; x += THIN_COLUMNS)
          thin_output_tile(g, band + (y * pixels + x) * 16, pixels * 16, t->filter + (k * g->wide + c) * taps,
                           sums + (k * THIN_ROWS + y) * width + x, width);
  }
  for (int64_t k = 0; k < g->thin; k++)
    for (int64_t y = 0; y < THIN_ROWS && y0 + y < g->oh; y++)
      memcpy(t->y + ((image * g->thin + k) * g->oh + y0 + y) * g->ow + x0, sums + (k * THIN_ROWS + y) * width,
             (size_t)least(g->ow - x0, THIN_STRIP) * 4);
}

static void thin_output(int threads, const ck_thin *g, const ck_source *in, const float *weight, const float *bias, float *y) {
  int64_t taps = g->kh * g->kw, bytes = g->thin * taps * g->wide * 4;
  float *filter = ck_alloc(bytes), *to = filter;
  for (int64_t k = 0; k < g->thin; k++)
    for (int64_t c = 0; c < g->wide; c += 16)
      for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t i = 0; i < 16; i++) *to++ = thin_weight_at(g, weight, k, c + i, tap);
  thin_task t = {.g = g, .filter = filter, .bias = bias, .wide = in, .y = y};
  ck_parallel(threads, g->n * pieces(g->oh, THIN_ROWS) * pieces(g->ow, THIN_STRIP), &t, thin_output_strip);
  ck_free(filter, bytes);
}

// ---- the weights ------------------------------------------------------------------------------------------------------------

// partial[index][thin][kh][kw][wide] of THIN_ROWS rows of the wide image
static void thin_weight_rows(void *context, int64_t index) {
  const thin_task *t = context;
  const ck_thin *g = t->g;
  const ck_source *in = t->wide;
  int64_t bands = pieces(g->oh, THIN_ROWS), image = index / bands, y0 = index % bands * THIN_ROWS;
  int64_t y1 = least(g->oh, y0 + THIN_ROWS), lines = THIN_ROWS + g->kh - 1, taps = g->kh * g->kw;
  const float *band = thin_band(t, image, y0);
  float *partial = t->partial + index * g->thin * taps * g->wide;
  float columns[THIN_PIXELS * 32], out[THIN_SLACK * 32];
  memset(partial, 0, (size_t)(g->thin * taps * g->wide) * 4);
  for (int64_t k = 0, width; k < g->wide; k += width) {
    width = thin_width(g, k);
    int64_t step = width == 32 ? THIN_ROWS32 : THIN_ROWS16;
    for (int64_t y = y0; y < y1; y++)
      for (int64_t x = 0; x < g->ow; x += THIN_PIXELS) {
        int64_t count = least(THIN_PIXELS, g->ow - x), pixel = (image * g->oh + y) * g->ow + x;
        for (int64_t v = 0; v < width; v += VL)
          BY_KIND(in, source_factors f = factors_of(in, KIND, k + v);
                  for (int64_t i = 0; i < count; i++)
                    store(columns + i * width + v, read_pixel(in, KIND, &f, pixel + i, k + v)));
        for (int64_t c = 0; c < g->thin; c++)
          for (int64_t ky = 0; ky < g->kh; ky++)
            for (int64_t kx = 0; kx < g->kw; kx += step) {
              const float *line = band + (c * lines + y - y0 + ky) * t->line + x + kx;
              (width == 32 ? thin_tile32 : thin_tile16)(1, 1, count, line, 0, 0, columns, out);
              float *to = partial + (c * taps + ky * g->kw + kx) * g->wide + k;
              for (int64_t r = 0; r < least(step, g->kw - kx); r++)
                for (int64_t v = 0; v < width; v += VL)
                  store(to + r * g->wide + v, load(to + r * g->wide + v) + load(out + r * width + v));
            }
      }
  }
}

static void thin_weight(int threads, const ck_thin *g, const float *planes, const ck_source *wide, float *dweight) {
  int64_t tasks = g->n * pieces(g->oh, THIN_ROWS), count = g->thin * g->kh * g->kw * g->wide, bytes = tasks * count * 4;
  thin_task t = {.g = g, .planes = planes, .wide = wide, .partial = ck_alloc(bytes), .line = thin_line(g)};
  double *sums = ck_alloc(count * 8);
  ck_parallel(threads, tasks, &t, thin_weight_rows);
  add_partials(t.partial, tasks, count, sums);
  for (int64_t i = 0; i < count; i++) dweight[i] = (float)sums[i];
  ck_free(sums, count * 8);
  ck_free(t.partial, bytes);
}

const ck_thin_kernels THIN_KERNELS = {.input = thin_input, .output = thin_output, .weight = thin_weight};
