// The two register tiles that everything else is built on.
//
// A panel holds T rows of C values in blocks of 16: panel[C/16][T][16], so that row r of a block lies at a distance known
// at compile time. A packed matrix holds C x K in column blocks of 32 (the last may be 16): [K/32][C][32].

// out[r][0 ..< columns] = sum over c of panel row r times packed columns, ROWS rows and COLUMNS of the block's WIDTH columns.
// All but the first call for a tile go on with the sums that the one before left in out.
#define PANEL_TILE(NAME, ROWS, COLUMNS, WIDTH)                                                                    \
  static void NAME(int64_t blocks, int first, const float *panel, int64_t block_step, const float *columns, float *out) { \
    enum { V = COLUMNS / VL };                                                                                    \
    vf sum[ROWS][V];                                                                                              \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++)                                      \
      sum[r][v] = first ? splat(0) : load(out + r * WIDTH + v * VL);                                              \
    for (int64_t block = 0; block < blocks; block++, panel += block_step)                                         \
      for (int c = 0; c < 16; c++, columns += WIDTH) {                                                            \
        vf b[V];                                                                                                  \
        UNROLL for (int v = 0; v < V; v++) b[v] = load(columns + v * VL);                                         \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                   \
          vf a = splat(panel[r * 16 + c]);                                                                        \
          UNROLL for (int v = 0; v < V; v++) sum[r][v] += a * b[v];                                               \
        }                                                                                                         \
      }                                                                                                           \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) store(out + r * WIDTH + v * VL, sum[r][v]); \
  }
PANEL_TILE(panel_tile32, ROWS32, COLUMNS32, 32)
PANEL_TILE(panel_tile16, ROWS16, COLUMNS16, 16)

// out[row][width] for `rows` rows of a panel; rows are rounded up to whole tiles, so panel and out need room for that. Of
// DEPTH channels the packed columns stay in the first-level cache while the rows pass by; meanwhile, with FETCH_AHEAD, those
// that follow are asked for: the rest of these, or `next`, the columns of the next product (null: unknown).
#define PANEL_PRODUCT(TILE, ROWS, COLUMNS, WIDTH)                                                                 \
  for (int64_t c0 = 0; c0 < c; c0 += DEPTH) {                                                                     \
    const float *part = panel + c0 / 16 * block_step, *own = columns + c0 * WIDTH;                                \
    const float *soon = c - c0 > DEPTH ? columns + (c0 + DEPTH) * WIDTH : next;                                   \
    int64_t share = pieces(least(c - c0, DEPTH) * WIDTH / 16, pieces(rows, ROWS) * (WIDTH / COLUMNS)) * 16;       \
    for (int64_t r = 0; r < rows; r += ROWS)                                                                      \
      for (int64_t k = 0; k < WIDTH; k += COLUMNS) {                                                              \
        if (FETCH_AHEAD && soon)                                                                                  \
          for (int64_t end = share; end > 0; end -= 16, soon += 16) __builtin_prefetch(soon);                     \
        TILE(least(c - c0, DEPTH) / 16, c0 == 0, part + r * 16, block_step, own + k, out + r * WIDTH + k);        \
      }                                                                                                           \
  }
INLINE void panel_product(int64_t rows, int64_t c, const float *panel, int64_t block_step, const float *columns,
                          int64_t width, float *out, const float *next) {
  if (width == 32) {
    PANEL_PRODUCT(panel_tile32, ROWS32, COLUMNS32, 32)
  } else {
    PANEL_PRODUCT(panel_tile16, ROWS16, COLUMNS16, 16)
  }
}

// out[r][0 ..< columns] += sum over t of a[t][r] (transposed) times b[t][0 ..< columns], ROWS rows of 16 and COLUMNS of WIDTH
// columns; b lies in blocks of 16, b_step apart.
#define OUTER_TILE(NAME, ROWS, COLUMNS, WIDTH)                                                                    \
  static void NAME(int64_t count, const float *a, const float *b, int64_t b_step, float *out) {                   \
    enum { V = COLUMNS / VL, PER = 16 / VL };                                                                     \
    vf sum[ROWS][V];                                                                                              \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) sum[r][v] = load(out + r * WIDTH + v * VL); \
    for (int64_t t = 0; t < count; t++, a += 16, b += 16) {                                                       \
      vf right[V];                                                                                                \
      UNROLL for (int v = 0; v < V; v++) right[v] = load(b + v / PER * b_step + v % PER * VL);                    \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                     \
        vf left = splat(a[r]);                                                                                    \
        UNROLL for (int v = 0; v < V; v++) sum[r][v] += left * right[v];                                          \
      }                                                                                                           \
    }                                                                                                             \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) store(out + r * WIDTH + v * VL, sum[r][v]); \
  }
OUTER_TILE(outer_tile32, OUTER32, OUTER_COLUMNS32, 32)
OUTER_TILE(outer_tile16, OUTER16, 16, 16)
#if 16 % OUTER32
OUTER_TILE(outer_rest32, 16 % OUTER32, OUTER_COLUMNS32, 32)
#else
#define outer_rest32 outer_tile32
#endif

// out[16][width] += sum over t of a[t][16] (transposed) times b[t][16] in one or two blocks b_step apart. LENGTH rows of a and
// b stay in the first-level cache while they are read again and again.
INLINE void outer_product(int64_t count, const float *a, const float *b, int64_t b_step, int64_t width, float *out) {
  for (int64_t t = 0; t < count; t += LENGTH, a += LENGTH * 16, b += LENGTH * 16) {
    int64_t length = least(count - t, LENGTH);
    if (width == 32) {
      int r = 0;
      for (; r + OUTER32 <= 16; r += OUTER32)
        for (int k = 0; k < 32; k += OUTER_COLUMNS32)
          outer_tile32(length, a + r, b + k / 16 * b_step, b_step, out + r * 32 + k);
      for (int k = 0; r < 16 && k < 32; k += OUTER_COLUMNS32)
        outer_rest32(length, a + r, b + k / 16 * b_step, b_step, out + r * 32 + k);
    } else {
      for (int r = 0; r < 16; r += OUTER16) outer_tile16(length, a + r, b, b_step, out + r * 16);
    }
  }
}

// Multiplications and additions in registers alone, the roof of everything else. Returns how many; *value keeps them alive.
static int64_t multiply_adds(int64_t rounds, float *value) {
  enum { CHAINS = 12 };
  vf sum[CHAINS], factor = splat(value[0]), one = splat(1);
  UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = splat((float)i);
  for (int64_t r = 0; r < rounds; r++) UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * factor + one;
  UNROLL for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
  *value = total(sum[0]);
  return rounds * CHAINS * VL * 2;
}
