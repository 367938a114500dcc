// The blocks of NAFNet (Chen et al., ECCV 2022), fused so that only the block's input, its gated values, its middle and its
// output pass through memory. See ck_naf for the formulas. Everything else lives in panels of a few rows of pixels, which
// stay in the second-level cache: panel[C/16][room][16] as in gemm.h, and wide[K/32][room][32], what a product writes.

enum { NAF_CHUNK = 56, NAF_CHUNKS = 16, NAF_BAND = 32, NAF_TILE = 126, NAF_STRETCHES = 16 };

INLINE int64_t naf_room(int64_t count) { return round_up(count, ROWS16); }

// wide[K/32][room][32] = panel times filter plus bias (or null).
INLINE void naf_product(int64_t rows, int64_t c, int64_t k, const float *panel, int64_t room, const float *filter,
                        const float *bias, float *wide) {
  for (int64_t k0 = 0; k0 < k; k0 += 32) {
    float *out = wide + k0 * room;
    panel_product(rows, c, panel, room * 16, filter + k0 * c, 32, out, 0);
    if (!bias) continue;
    for (int64_t lane = 0; lane < 32; lane += VL) {
      vf b = load(bias + k0 + lane);
      for (int64_t i = 0; i < rows; i++) store(out + i * 32 + lane, load(out + i * 32 + lane) + b);
    }
  }
}

INLINE float *panel_at(float *panel, int64_t room, int64_t c) { return panel + c / 16 * 16 * room + c % 16; }
INLINE float *wide_at(float *wide, int64_t room, int64_t c) { return wide + c / 32 * 32 * room + c % 32; }

// Asks for memory that is read or written soon; the processor's own prefetching ends at every page of 4 KB.
INLINE void naf_prefetch(const float *p, int64_t floats) {
  for (int64_t i = 0; i < floats; i += 16) __builtin_prefetch(p + i, 0, 2);
}

// panel = pixels first ..< first + count of x[p][c].
INLINE void naf_load(const float *x, int64_t c, int64_t first, int64_t count, float *panel, int64_t room) {
  for (int64_t i = 0; i < count; i++)
    for (int64_t k = 0; k < c; k += 16) memcpy(panel + k * room + i * 16, x + (first + i) * c + k, 64);
}

// normal = (panel - mean) / deviation over the channels of each pixel; 1 / deviation goes to inverse.
INLINE void naf_normalise(int64_t count, int64_t c, float epsilon, const float *panel, float *normal, int64_t room,
                          float *inverse) {
  for (int64_t i = 0; i < count; i++) {
    const float *x = panel + i * 16;
    vf sum = splat(0), square = splat(0);
    for (int64_t k = 0; k < c; k += VL) sum += load(x + k / 16 * 16 * room + k % 16);
    vf mean = splat(total(sum) / (float)c);
    for (int64_t k = 0; k < c; k += VL) {
      vf d = load(x + k / 16 * 16 * room + k % 16) - mean;
      square += d * d;
    }
    float factor = 1 / __builtin_sqrtf(total(square) / (float)c + epsilon);
    for (int64_t k = 0; k < c; k += VL) {
      int64_t at = k / 16 * 16 * room + i * 16 + k % 16;
      store(normal + at, (load(panel + at) - mean) * splat(factor));
    }
    inverse[i] = factor;
  }
}

// dx = dy + the gradient through the normalisation: (d - mean(d) - normal * mean(d * normal)) * inverse. d is wide, the others
// are panels; dx goes to memory and, where wanted, into a panel.
INLINE void naf_normalise_back(int64_t count, int64_t c, const float *d, const float *normal, const float *inverse,
                               const float *dy, int64_t room, float *dx, float *panel) {
  for (int64_t i = 0; i < count; i++) {
    vf sum = splat(0), dot = splat(0);
    for (int64_t k = 0; k < c; k += VL) {
      vf g = load(d + k / 32 * 32 * room + i * 32 + k % 32);
      sum += g;
      dot += g * load(normal + k / 16 * 16 * room + i * 16 + k % 16);
    }
    vf mean = splat(total(sum) / (float)c), slope = splat(total(dot) / (float)c), factor = splat(inverse[i]);
    for (int64_t k = 0; k < c; k += VL) {
      int64_t at = k / 16 * 16 * room + i * 16 + k % 16;
      vf g = load(d + k / 32 * 32 * room + i * 32 + k % 32);
      vf value = load(dy + at) + (g - mean - load(normal + at) * slope) * factor;
      store(dx + i * c + k, value);
      if (panel) store(panel + at, value);
    }
  }
}

// sums[c] += the sum over the pixels of a panel.
INLINE void naf_sum(int64_t count, int64_t c, const float *panel, int64_t room, float *sums) {
  for (int64_t k = 0; k < c; k += VL) {
    const float *x = panel + k / 16 * 16 * room + k % 16;
    vf sum = splat(0);
    for (int64_t i = 0; i < count; i++) sum += load(x + i * 16);
    store(sums + k, load(sums + k) + sum);
  }
}

// out[K/32][C][32] += the sum over pixels of a[p][c] * b[p][k]; both panels.
INLINE void naf_outer(int64_t count, int64_t c, int64_t k, const float *a, const float *b, int64_t room, float *out) {
  for (int64_t k0 = 0; k0 < k; k0 += 32)
    for (int64_t c0 = 0; c0 < c; c0 += 16)
      outer_product(count, a + c0 * room, b + k0 * room, room * 16, 32, out + k0 * c + c0 * 32);
}

// ---- tiles: bands of rows and columns whose edges are computed twice ------------------------------------------------------
typedef struct {
  int64_t image, y0, y1, x0, x1;
} naf_tile;

INLINE int64_t naf_tiles(const ck_naf *p) { return pieces(p->h, NAF_BAND) * pieces(p->w, NAF_TILE); }

INLINE naf_tile naf_tile_at(const ck_naf *p, int64_t index) {
  int64_t across = pieces(p->w, NAF_TILE), each = naf_tiles(p);
  naf_tile t = {index / each, index % each / across * NAF_BAND, 0, index % across * NAF_TILE, 0};
  t.y1 = least(p->h, t.y0 + NAF_BAND);
  t.x1 = least(p->w, t.x0 + NAF_TILE);
  return t;
}

typedef struct {
  const ck_naf *p;
  float *partial;
  int64_t width, stretch, stretches;
} naf_task;

// One row of t = w1 normal(x) + b1 for columns from ..< to, wide, with zeros for columns outside the image. The normal values
// and inverse deviations stay in `normal` and `inverse`.
INLINE void naf_widen_row(const ck_naf *p, int64_t image, int64_t y, int64_t from, int64_t to, int64_t room, float *panel,
                          float *normal, float *inverse, float *t) {
  int64_t first = from < 0 ? 0 : from, end = least(p->w, to), before = first - from, count = end - first;
  naf_load(p->x, p->c, (image * p->h + y) * p->w + first, count, panel + before * 16, room);
  if (y + 1 < p->h) naf_prefetch(p->x + ((image * p->h + y + 1) * p->w + first) * p->c, count * p->c);
  naf_normalise(count, p->c, p->epsilon, panel + before * 16, normal + before * 16, room, inverse + before);
  naf_product(to - from, p->c, 2 * p->c, normal, room, p->w1, p->b1, t);
  for (int64_t k = 0; k < 2 * p->c; k += 32) {
    memset(t + k * room, 0, (size_t)before * 128);
    memset(t + k * room + (before + count) * 32, 0, (size_t)(to - from - before - count) * 128);
  }
}

// The depthwise sum at column x of three rows (null outside the image), one vector of channels.
INLINE vf naf_depthwise(float *const rows[3], int64_t at, const vf weight[9], vf sum) {
  UNROLL for (int r = 0; r < 3; r++) {
    if (!rows[r]) continue;
    const float *row = rows[r] + at;
    sum += load(row - 32) * weight[r * 3];
    sum += load(row) * weight[r * 3 + 1];
    sum += load(row + 32) * weight[r * 3 + 2];
  }
  return sum;
}

// ---- first half forward: g and its sums -----------------------------------------------------------------------------------
static void naf_gate_tile(void *context, int64_t index) {
  const naf_task *task = context;
  const ck_naf *p = task->p;
  naf_tile at = naf_tile_at(p, index);
  int64_t c = p->c, columns = at.x1 - at.x0 + 2, room = naf_room(columns), row_floats = 2 * c * room;
  float *panel = ck_scratch(0, (2 * c * room + room + 3 * row_floats) * 4), *normal = panel + c * room;
  float *inverse = normal + c * room, *ring = inverse + room;
  float *sums = task->partial + index * c;
  memset(sums, 0, (size_t)c * 4);
  memset(panel, 0, (size_t)(2 * c * room) * 4);
  for (int64_t y = at.y0 - 1; y <= at.y1; y++) {
    if (y >= 0 && y < p->h)
      naf_widen_row(p, at.image, y, at.x0 - 1, at.x1 + 1, room, panel, normal, inverse, ring + (y + 3) % 3 * row_floats);
    int64_t out = y - 1;  // the row that is complete now
    if (out < at.y0) continue;
    float *rows[3];
    for (int r = 0; r < 3; r++)
      rows[r] = out + r - 1 < 0 || out + r - 1 >= p->h ? 0 : ring + (out + r + 2) % 3 * row_floats;
    float *g = p->g + ((at.image * p->h + out) * p->w + at.x0) * c;
    for (int64_t k = 0; k < c; k += VL) {
      vf weight[2][9], bias[2], sum = load(sums + k);
      UNROLL for (int s = 0; s < 2; s++) {
        UNROLL for (int i = 0; i < 9; i++) weight[s][i] = load(p->w2 + i * 2 * c + s * c + k);
        bias[s] = load(p->b2 + s * c + k);
      }
      int64_t low = k / 32 * 32 * room + k % 32, high = low + c * room;
      for (int64_t x = 1; x < columns - 1; x++) {
        vf value = naf_depthwise(rows, low + x * 32, weight[0], bias[0]) * naf_depthwise(rows, high + x * 32, weight[1], bias[1]);
        sum += value;
        store(g + (x - 1) * c + k, value);
      }
      store(sums + k, sum);
    }
  }
}

static void naf_gate(int threads, const ck_naf *p, double *sums) {
  int64_t each = naf_tiles(p), bytes = p->n * each * p->c * 4;
  naf_task t = {.p = p, .partial = ck_alloc(bytes)};
  ck_parallel(threads, p->n * each, &t, naf_gate_tile);
  for (int64_t i = 0; i < p->n; i++) add_partials(t.partial + i * each * p->c, each, p->c, sums + i * p->c);
  ck_free(t.partial, bytes);
}

// ---- second half forward ----------------------------------------------------------------------------------------------------
INLINE void naf_mix_chunk(const ck_naf *p, int64_t image, int64_t first, int64_t count, int64_t next, float *a) {
  int64_t c = p->c, room = naf_room(NAF_CHUNK);
  float *middle = a + c * room, *wide = middle + c * room, *inverse = wide + 3 * c * room;
  naf_prefetch(p->g + (first + count) * c, next * c);
  naf_prefetch(p->x + (first + count) * c, next * c);
  naf_load(p->g, c, first, count, a, room);
  naf_product(count, c, c, a, room, p->w3 + image * c * c, p->b3, wide);
  for (int64_t k = 0; k < c; k += VL) {
    float *m = panel_at(middle, room, k), *v = wide_at(wide, room, k);
    for (int64_t i = 0; i < count; i++) {
      vf value = load(p->x + (first + i) * c + k) + load(v + i * 32);
      store(m + i * 16, value);
      if (p->y) store(p->y + (first + i) * c + k, value);
    }
  }
  naf_normalise(count, c, p->epsilon, middle, a, room, inverse);
  naf_product(count, c, 2 * c, a, room, p->w4, p->b4, wide);
  for (int64_t k = 0; k < c; k += VL) {
    float *g = panel_at(a, room, k), *low = wide_at(wide, room, k), *high = wide_at(wide, room, k + c);
    for (int64_t i = 0; i < count; i++) store(g + i * 16, load(low + i * 32) * load(high + i * 32));
  }
  naf_product(count, c, c, a, room, p->w5, p->b5, wide);
  for (int64_t k = 0; k < c; k += VL) {
    float *m = panel_at(middle, room, k), *v = wide_at(wide, room, k);
    for (int64_t i = 0; i < count; i++) store(p->out + (first + i) * c + k, load(m + i * 16) + load(v + i * 32));
  }
}

static void naf_mix_chunks(void *context, int64_t index) {
  const naf_task *task = context;
  const ck_naf *p = task->p;
  int64_t area = p->h * p->w, stretch = NAF_CHUNK * NAF_CHUNKS, each = pieces(area, stretch), image = index / each;
  int64_t first = image * area + index % each * stretch, end = least((image + 1) * area, first + stretch);
  float *panels = ck_scratch(0, (5 * p->c + 1) * naf_room(NAF_CHUNK) * 4);
  for (; first < end; first += NAF_CHUNK) {
    int64_t count = least(NAF_CHUNK, end - first);
    naf_mix_chunk(p, image, first, count, least(NAF_CHUNK, end - first - count), panels);
  }
}

static void naf_mix(int threads, const ck_naf *p) {
  naf_task t = {.p = p};
  ck_parallel(threads, p->n * pieces(p->h * p->w, NAF_CHUNK * NAF_CHUNKS), &t, naf_mix_chunks);
}
