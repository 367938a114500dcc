// 3x3 convolutions with stride 1 and padding 1 by the Winograd algorithm F(4x4, 3x3): a 4x4 tile of outputs from a 6x6 tile
// of inputs by 36 products in place of 144 (Lavin and Gray, CVPR 2016), with the interpolation points 0, +-1/sqrt(2),
// +-sqrt(2) and infinity, whose rounding errors are small (Barabasz et al., ACM TOMS 2020, on the choice of points).
//
// Forward: Y = A^T [(G g G^T) . (B^T d B)] A. A task takes the tiles t0 ..< t0 + T in the order image, row, column: their
// transformed inputs stay in the second-level cache while the output channels pass by, 32 at a time.

#define POINT_A 0.70710678118654752440
#define POINT_B 1.41421356237309504880
enum { POSITIONS = 36, WEIGHT_CHUNK_FLOATS = 1 << WEIGHT_CHUNK };

// B^T for six values: pair 0 makes rows 0 and 5, pair 1 rows 1 and 2 (points +-a), pair 2 rows 3 and 4 (points +-b).
INLINE void input_rows(const vf d[6], int pair, vf *first, vf *second) {
  const float a2 = POINT_A * POINT_A, b2 = POINT_B * POINT_B;
  if (pair == 0) {
    *first = a2 * b2 * d[0] - (a2 + b2) * d[2] + d[4];
    *second = a2 * b2 * d[1] - (a2 + b2) * d[3] + d[5];
  } else {
    const float p = pair == 1 ? POINT_A : POINT_B, other = pair == 1 ? b2 : a2;
    vf even = d[4] - other * d[2], odd = d[3] - other * d[1];
    *first = even + p * odd;
    *second = even - p * odd;
  }
}

// The rows that a pair of `input_rows` makes.
INLINE int first_row(int pair) { return pair == 0 ? 0 : 2 * pair - 1; }
INLINE int second_row(int pair) { return pair == 0 ? 5 : 2 * pair; }

// A^T: six values to four.
INLINE void output_rows(const vf m[6], vf y[4]) {
  const float a = POINT_A, b = POINT_B;
  vf s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
  y[0] = m[0] + s1 + s2;
  y[1] = a * d1 + b * d2;
  y[2] = a * a * s1 + b * b * s2;
  y[3] = a * a * a * d1 + b * b * b * d2 + m[5];
}

// A, the adjoint of A^T: four values to six.
INLINE void gradient_rows(const vf y[4], vf m[6]) {
  const float a = POINT_A, b = POINT_B;
  vf even_a = y[0] + a * a * y[2], odd_a = a * y[1] + a * a * a * y[3];
  vf even_b = y[0] + b * b * y[2], odd_b = b * y[1] + b * b * b * y[3];
  m[0] = y[0];
  m[1] = even_a + odd_a;
  m[2] = even_a - odd_a;
  m[3] = even_b + odd_b;
  m[4] = even_b - odd_b;
  m[5] = y[3];
}

// G, six rows of three: powers of each point over the product of its distances from the others; infinity last.
static void filter_matrix(float g[6][3]) {
  const double point[5] = {0, POINT_A, -POINT_A, POINT_B, -POINT_B};
  for (int i = 0; i < 5; i++) {
    double product = 1;
    for (int j = 0; j < 5; j++) if (j != i) product *= point[i] - point[j];
    for (int p = 0; p < 3; p++) g[i][p] = (float)((p == 0 ? 1 : p == 1 ? point[i] : point[i] * point[i]) / product);
  }
  g[5][0] = g[5][1] = 0;
  g[5][2] = 1;
}

typedef struct {
  int64_t image, y, x;  // of the first output pixel
} tile_place;

INLINE tile_place place_of(int64_t tile, int64_t h, int64_t w) {
  int64_t across = pieces(w, 4), down = pieces(h, 4);
  return (tile_place){tile / (across * down), tile / across % down * 4, tile % across * 4};
}

// The places of consecutive tiles, without a division for each.
INLINE void places_from(int64_t tile, int64_t count, int64_t h, int64_t w, tile_place *places) {
  tile_place at = place_of(tile, h, w);
  for (int64_t i = 0; i < count; i++) {
    places[i] = at;
    at.x += 4;
    if (at.x < w) continue;
    at.x = 0;
    at.y += 4;
    if (at.y < h) continue;
    at.y = 0;
    at.image++;
  }
}

// ---- filters ----------------------------------------------------------------------------------------------------------
typedef struct {
  const float *weight, *scale;
  float *u;
  int64_t true_k, true_c, k, c;  // k outputs and c inputs of the packed filter
  int rotate;
} pack_task;

// Input channels that are packed before their values go out: 36 positions that are written in turn lie in the same sets of
// every cache.
enum { PACK_INPUTS = 8 };

// One block of up to 32 output channels.
static void pack_block(void *context, int64_t index) {
  const pack_task *t = context;
  int64_t k0 = index * 32, width = least(32, t->k - k0);
  int64_t outputs = t->rotate ? t->true_c : t->true_k, inputs = t->rotate ? t->true_k : t->true_c;
  float g[6][3], packed[POSITIONS][PACK_INPUTS * 32];
  filter_matrix(g);
  for (int64_t c0 = 0; c0 < t->c; c0 += PACK_INPUTS) {
    for (int64_t c = c0; c < c0 + PACK_INPUTS; c++) {
      float w[9][32];
      memset(w, 0, sizeof(w));
      if (c < inputs)
        for (int64_t j = 0; j < width && k0 + j < outputs; j++) {
          int64_t k = k0 + j;
          const float *source = t->weight + (t->rotate ? c * t->true_c + k : k * t->true_c + c) * 9;
          float factor = t->scale ? t->scale[t->rotate ? c : k] : 1;
          for (int i = 0; i < 9; i++) w[i][j] = source[t->rotate ? 8 - i : i] * factor;
        }
      for (int64_t j = 0; j < width; j += VL) {
        vf rows[6][3];
        for (int x = 0; x < 3; x++)
          for (int i = 0; i < 6; i++)
            rows[i][x] = g[i][0] * load(w[x] + j) + g[i][1] * load(w[3 + x] + j) + g[i][2] * load(w[6 + x] + j);
        for (int i = 0; i < 6; i++)
          for (int q = 0; q < 6; q++)
            store(packed[i * 6 + q] + (c - c0) * width + j,
                  g[q][0] * rows[i][0] + g[q][1] * rows[i][1] + g[q][2] * rows[i][2]);
      }
    }
    for (int64_t q = 0; q < POSITIONS; q++)
      memcpy(t->u + q * t->k * t->c + k0 * t->c + c0 * width, packed[q], (size_t)(PACK_INPUTS * width) * sizeof(float));
  }
}

static void pack_winograd(int threads, const float *weight, int64_t true_k, int64_t true_c, int rotate, const float *scale,
                          float *u) {
  pack_task t = {weight, scale, u, true_k, true_c, 0, 0, rotate};
  t.k = round_up(rotate ? true_c : true_k, 16);
  t.c = round_up(rotate ? true_k : true_c, 16);
  ck_parallel(threads, pieces(t.k, 32), &t, pack_block);
}

// ---- transforms of one tile ---------------------------------------------------------------------------------------------
// B^T d B for the 6x6 values at `corner`, 16 channels.
INLINE void transform_patch(const float *corner, int64_t row, int64_t column, float *v, int64_t position_step) {
  for (int64_t lane = 0; lane < 16; lane += VL) {
    UNROLL for (int pair = 0; pair < 3; pair++) {
      vf first[6], second[6];
      UNROLL for (int j = 0; j < 6; j++) {
        vf d[6];
        UNROLL for (int i = 0; i < 6; i++) d[i] = load(corner + i * row + j * column + lane);
        input_rows(d, pair, &first[j], &second[j]);
      }
      UNROLL for (int q = 0; q < 3; q++) {
        vf left, right;
        input_rows(first, q, &left, &right);
        store(v + (first_row(pair) * 6 + first_row(q)) * position_step + lane, left);
        store(v + (first_row(pair) * 6 + second_row(q)) * position_step + lane, right);
        input_rows(second, q, &left, &right);
        store(v + (second_row(pair) * 6 + first_row(q)) * position_step + lane, left);
        store(v + (second_row(pair) * 6 + second_row(q)) * position_step + lane, right);
      }
    }
  }
}

// V[position] of 16 channels from the 6x6 pixels around an output tile; pixels outside the image count as 0.
INLINE void transform_input(const ck_source *s, int kind, int64_t h, int64_t w, tile_place at, int64_t c16, float *v,
                            int64_t position_step) {
  int64_t y0 = at.y - 1, x0 = at.x - 1, line = at.image * h + y0;
  int64_t row = s->row ? s->row : w * s->xs, corner = line * row + x0 * s->xs, up = (line * w + x0) * s->us;
  int inside = y0 >= 0 && x0 >= 0 && y0 + 6 <= h && x0 + 6 <= w;
  if (kind == PLAIN && inside) {
    transform_patch(s->x + corner + c16, row, s->xs, v, position_step);
    return;
  }
  float patch[36][16];
  for (int64_t lane = 0; lane < 16; lane += VL) {
    source_factors f = factors_of(s, kind, c16 + lane);
    if (inside) {
      for (int64_t i = 0; i < 6; i++)
        UNROLL for (int64_t j = 0; j < 6; j++)
          store(patch[i * 6 + j] + lane,
                       read_at(s, kind, &f, corner + i * row + j * s->xs, up + (i * w + j) * s->us, c16 + lane));
    } else {
      for (int64_t i = 0; i < 6; i++)
        for (int64_t j = 0; j < 6; j++) {
          int there = y0 + i >= 0 && y0 + i < h && x0 + j >= 0 && x0 + j < w;
          store(patch[i * 6 + j] + lane,
                there ? read_at(s, kind, &f, corner + i * row + j * s->xs, up + (i * w + j) * s->us, c16 + lane) : splat(0));
        }
    }
  }
  transform_patch(patch[0], 6 * 16, 16, v, position_step);
}

// The adjoint of the output transform for 16 channels of a tile of gradients; sums (or null) collects their sums.
INLINE void transform_gradient(const ck_source *s, int kind, int64_t h, int64_t w, tile_place at, int64_t k16, float *m,
                               int64_t position_step, float *sums) {
  int64_t line = at.image * h + at.y, row = s->row ? s->row : w * s->xs;
  int64_t corner = line * row + at.x * s->xs, up = (line * w + at.x) * s->us;
  int whole = at.y + 4 <= h && at.x + 4 <= w;
  for (int64_t lane = 0; lane < 16; lane += VL) {
    source_factors f = factors_of(s, kind, k16 + lane);
    vf rows[6][4], sum = splat(0);
    PASSES for (int j = 0; j < 4; j++) {
      vf d[4], o[6];
      UNROLL for (int i = 0; i < 4; i++) {
        int there = whole || (at.y + i < h && at.x + j < w);
        d[i] = there ? read_at(s, kind, &f, corner + i * row + j * s->xs, up + (i * w + j) * s->us, k16 + lane) : splat(0);
        sum += d[i];
      }
      gradient_rows(d, o);
      UNROLL for (int i = 0; i < 6; i++) rows[i][j] = o[i];
    }
    if (sums) store(sums + lane, load(sums + lane) + sum);
    PASSES for (int i = 0; i < 6; i++) {
      vf o[6];
      gradient_rows(rows[i], o);
      UNROLL for (int j = 0; j < 6; j++) store(m + (i * 6 + j) * position_step + lane, o[j]);
    }
  }
}

// Asks for the pixels that a tile reads and the tile to its left does not, ahead of their use: tiles jump from row to row,
// which the processor's own prefetching does not follow.
INLINE void prefetch_tile(const ck_source *s, int kind, int64_t h, int64_t w, tile_place at, int64_t c16) {
  int64_t first = at.x + 1, count = least(w, at.x + 5) - first;
  for (int64_t y = at.y ? at.y - 1 : 0; y < least(h, at.y + 5); y++) {
    int64_t line = at.image * h + y, from = place_in(s, w, line, first) + c16, up = (line * w + first) * s->us + c16;
    for (int64_t j = 0; j < count; j++) {
      __builtin_prefetch(address_in(s->x, kind & HALF, from + j * s->xs));
      if ((kind & 3) == GRADIENT) __builtin_prefetch(address_in(s->upstream, kind & HALF, up + j * s->us));
    }
  }
}

enum { AHEAD = 4, MOST_TILES = 64 };

// ---- forward ------------------------------------------------------------------------------------------------------------
typedef struct {
  const ck_winograd *p;
  int64_t tiles, size;  // tiles in all and in a task
  float *partial;       // [tasks][2][k] or null
} forward_task;

// The block that channels from k0 of a tile go to, the offset of the first output, and steps from it along columns and rows.
typedef struct {
  float *y;
  int64_t first, right, down;
} output_steps;

INLINE output_steps steps_of(const ck_winograd *p, tile_place at, int64_t k0) {
  int64_t line = at.image * p->h + at.y;
  if (!p->shuffle) {
    int more = p->more && k0 >= p->split;
    int64_t stride = more ? p->more_s : p->ys, k = more ? k0 - p->split : k0;
    return (output_steps){more ? p->more : p->y, (line * p->w + at.x) * stride + k, stride, p->w * stride};
  }
  int64_t quarter = p->k / 4, tap = k0 / quarter;
  int64_t first = (2 * line + tap / 2) * 2 * p->w + 2 * at.x + tap % 2;
  return (output_steps){p->y, first * p->ys + k0 % quarter, 2 * p->ys, 4 * p->w * p->ys};
}

// The steps that results of a convolution take on their way to memory, a constant in each copy of a loop.
enum { SUMS = 1, STATISTICS = 2, RESIDUAL = 4, HALF_OUTPUT = 8, STREAMED = 16, POOLED = 32, HEAD = 64 };

INLINE int epilogue_of(const ck_winograd *p, int sums) {
  if (p->head) return HEAD;
  int form = p->half ? HALF_OUTPUT : is_streamed(p->n * p->h * p->w * p->k) ? STREAMED : 0;
  return (p->pooled ? POOLED : p->statistics ? STATISTICS : sums ? SUMS : 0) | (p->residual ? RESIDUAL : 0) | form;
}

#define EPILOGUE_CASE(VALUE, STATEMENT) case VALUE: { enum { EPILOGUE = VALUE }; STATEMENT; break; }
#define EPILOGUE_CASES(VALUE, STATEMENT) \
  EPILOGUE_CASE(VALUE, STATEMENT) EPILOGUE_CASE(VALUE | SUMS, STATEMENT) EPILOGUE_CASE(VALUE | STATISTICS, STATEMENT)
// Runs a statement with EPILOGUE as a constant.
#define BY_EPILOGUE(VALUE, STATEMENT)                  \
  switch (VALUE) {                                     \
    EPILOGUE_CASES(0, STATEMENT)                       \
    EPILOGUE_CASES(RESIDUAL, STATEMENT)                \
    EPILOGUE_CASES(HALF_OUTPUT, STATEMENT)             \
    EPILOGUE_CASES(RESIDUAL | HALF_OUTPUT, STATEMENT)  \
    EPILOGUE_CASES(STREAMED, STATEMENT)                \
    EPILOGUE_CASES(RESIDUAL | STREAMED, STATEMENT)     \
    EPILOGUE_CASE(POOLED, STATEMENT)                   \
    EPILOGUE_CASE(POOLED | HALF_OUTPUT, STATEMENT)     \
    EPILOGUE_CASE(POOLED | STREAMED, STATEMENT)        \
    EPILOGUE_CASE(HEAD, STATEMENT)                     \
  }

// The 4x4 outputs of one tile, or those of them that the image has, for `width` channels, with the epilogue.
INLINE void write_tile(const ck_winograd *p, int epilogue, int whole, const float *m, int64_t position_step, tile_place at,
                       int64_t k0, int64_t width, float *sums, float *squares) {
  int64_t line = at.image * p->h + at.y, pixel0 = line * p->w + at.x;
  int64_t down = whole ? 4 : p->h - at.y, right = whole ? 4 : p->w - at.x, w = p->w, rs = p->rs;
  output_steps to = steps_of(p, at, k0);
  ck_statistics of;
  if (epilogue & STATISTICS) of = *p->statistics;
  float *y = to.y;
  const float *residual = p->residual;
  float residual_scale = p->residual_scale, least_value = p->relu ? 0 : -__builtin_inff();
  vf projected[4][4];
  for (int64_t block = 0; block < width; block += 16) {
    // A cache line of 16 channels at a time, so that it is written at once.
    vf rows[PARTS][4][6], sum[PARTS], square[PARTS], upper[PARTS][2];
    UNROLL for (int part = 0; part < PARTS; part++) {
      PASSES for (int j = 0; j < 6; j++) {
        vf d[6], o[4];
        UNROLL for (int i = 0; i < 6; i++) d[i] = load(m + (i * 6 + j) * position_step + block + part * VL);
        output_rows(d, o);
        UNROLL for (int i = 0; i < 4; i++) rows[part][i][j] = o[i];
      }
      sum[part] = square[part] = splat(0);
    }
    PASSES for (int i = 0; i < 4; i++) {
      if (i >= down) continue;
      vf o[PARTS][4];
      UNROLL for (int part = 0; part < PARTS; part++) {
        int64_t k = k0 + block + part * VL;
        vf bias = p->bias ? load(p->bias + k) : splat(0), floor = splat(least_value);
        output_rows(rows[part][i], o[part]);
        UNROLL for (int j = 0; j < 4; j++) {
          if (j >= right) continue;
          int64_t pixel = pixel0 + i * w + j;
          vf result = o[part][j];
          if (epilogue & STATISTICS) {
            add_statistics(&of, pixel, k, result, &sum[part], &square[part]);
          } else if (epilogue & SUMS) {
            sum[part] += result;
            square[part] += result * result;
          }
          vf value = result + bias;
          value = floor > value ? floor : value;
          if (epilogue & RESIDUAL)
            value = residual_scale * value + load_from(residual, epilogue & HALF_OUTPUT, pixel * rs + k);
          o[part][j] = value;
        }
        if (epilogue & HEAD) {
          vf weight = load(p->head + k);
          UNROLL for (int j = 0; j < 4; j++) {
            vf share = o[part][j] * weight;
            projected[i][j] = block + part ? projected[i][j] + share : share;
          }
        }
        if (epilogue & POOLED) {
          vf left = maximum(o[part][0], o[part][1]), next = maximum(o[part][2], o[part][3]);
          if (i % 2 == 0) {
            upper[part][0] = left;
            upper[part][1] = next;
          } else {
            int64_t first = (at.image * (p->h / 2) + (at.y + i) / 2) * (w / 2) + at.x / 2;
            if (right >= 2) store_to(p->pooled, epilogue & HALF_OUTPUT, first * p->k + k, maximum(upper[part][0], left));
            if (right >= 4) store_to(p->pooled, epilogue & HALF_OUTPUT, (first + 1) * p->k + k, maximum(upper[part][1], next));
          }
        }
      }
      if (epilogue & HEAD) continue;
      UNROLL for (int j = 0; j < 4; j++) {
        if (j >= right) continue;
        UNROLL for (int part = 0; part < PARTS; part++) {
          int64_t place = to.first + i * to.down + j * to.right + block + part * VL;
          if (epilogue & STREAMED) store_past(y + place, o[part][j]);
          else store_to(y, epilogue & HALF_OUTPUT, place, o[part][j]);
        }
      }
    }
    if (epilogue & (SUMS | STATISTICS))
      UNROLL for (int part = 0; part < PARTS; part++) {
        int64_t k = k0 + block + part * VL;
        store(sums + k, load(sums + k) + sum[part]);
        store(squares + k, load(squares + k) + square[part]);
      }
  }
  if (epilogue & HEAD)
    for (int64_t i = 0; i < down; i++)
      for (int64_t j = 0; j < right; j++) y[pixel0 + i * w + j] = p->head_bias + total(projected[i][j]);
}

static void write_edge(const ck_winograd *p, const float *m, int64_t position_step, tile_place at, int64_t k0, int64_t width,
                       float *sums, float *squares) {
  write_tile(p, epilogue_of(p, sums != 0), 0, m, position_step, at, k0, width, sums, squares);
}

// Asks for what `write_tile` reads and writes.
INLINE void prefetch_outputs(const ck_winograd *p, int epilogue, tile_place at, int64_t k0, int64_t width) {
  int64_t line = at.image * p->h + at.y, last = least(4, p->w - at.x);
  output_steps to = steps_of(p, at, k0);
  const ck_statistics *s = p->statistics;
  for (int64_t i = 0; i < least(4, p->h - at.y); i++)
    for (int64_t k = 0; k < width; k += 16) {
      int64_t pixel = (line + i) * p->w + at.x, out = to.first + i * to.down + k;
      if (!(epilogue & (STREAMED | HEAD)))
        for (int64_t j = 0; j < last; j++) __builtin_prefetch(address_in(to.y, p->half, out + j * to.right), 1);
      if (p->residual)
        for (int64_t j = 0; j < last; j++)
          __builtin_prefetch(address_in(p->residual, p->half, (pixel + j) * p->rs + k0 + k));
      if (s)
        for (int64_t j = 0; j < last; j++) __builtin_prefetch(address_in(s->x, s->half, (pixel + j) * s->xs + k0 + k));
    }
}

static void forward_tiles(void *context, int64_t index) {
  const forward_task *t = context;
  const ck_winograd *p = t->p;
  int64_t t0 = index * t->size, count = least(t->size, t->tiles - t0);
  int64_t rows = t->size, input_step = p->c * rows + 16, output_step = rows * 32 + 16;
  float *v = ck_scratch(0, POSITIONS * input_step * 4), *m = ck_scratch(1, POSITIONS * output_step * 4);
  tile_place places[MOST_TILES];
  places_from(t0, count, p->h, p->w, places);
  for (int64_t c = 0; c < p->c; c += 16) {
    int64_t own = c;
    const ck_source *s = part_of(p->in, &own);
    int more = own + 16 < s->c;  // the next 16 channels follow
    BY_KIND(s, for (int64_t i = 0; i < count; i++) {
      if (i + AHEAD < count) prefetch_tile(s, KIND, p->h, p->w, places[i + AHEAD], own);
      else if (more && i + AHEAD < 2 * count) prefetch_tile(s, KIND, p->h, p->w, places[i + AHEAD - count], own + 16);
      transform_input(s, KIND, p->h, p->w, places[i], own, v + c * rows + i * 16, input_step);
    });
  }
  float *sums = t->partial ? t->partial + index * 2 * p->k : 0, *squares = sums ? sums + p->k : 0;
  if (sums) memset(sums, 0, (size_t)(2 * p->k) * sizeof(float));
  for (int64_t k = 0; k < p->k; k += 32) {
    int64_t width = least(32, p->k - k);
    for (int64_t q = 0; q < POSITIONS; q++) {
      const float *filter = p->filter + (q * p->k + k) * p->c;
      panel_product(count, p->c, v + q * input_step, rows * 16, filter, width, m + q * output_step,
                    q + 1 < POSITIONS ? filter + p->k * p->c : 0);
    }
    BY_EPILOGUE(epilogue_of(p, sums != 0), for (int64_t i = 0; i < count; i++) {
      if (i + 2 < count) prefetch_outputs(p, EPILOGUE, places[i + 2], k, width);
      tile_place at = places[i];
      if (at.y + 4 <= p->h && at.x + 4 <= p->w)
        write_tile(p, EPILOGUE, 1, m + i * width, output_step, at, k, width, sums, squares);
      else write_edge(p, m + i * width, output_step, at, k, width, sums, squares);
    });
  }
}

static void winograd(int threads, const ck_winograd *p) {
  forward_task t = {p, p->n * pieces(p->h, 4) * pieces(p->w, 4), 0, 0};
  t.size = p->c <= 64 ? TILES64 : TILES;
  int64_t tasks = pieces(t.tiles, t.size), bytes = tasks * 2 * p->k * 4;
  double *sums = p->statistics ? p->statistics->sums : p->sums;
  if (sums) t.partial = ck_alloc(bytes);
  ck_parallel(threads, tasks, &t, forward_tiles);
  if (sums) {
    add_partials(t.partial, tasks, 2 * p->k, sums);
    ck_free(t.partial, bytes);
  }
}
