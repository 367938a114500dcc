// The two register tiles that everything else is built on.
//
// A panel holds T rows of C values in blocks of 16: panel[C/16][T][16], so that row r of a block lies at a distance known
// at compile time. A packed matrix holds C x K in column blocks of 32 (the last may be 16): [K/32][C][32].

// out[r][0 ..< width] = sum over c of panel row r times packed columns, ROWS rows.
#define PANEL_TILE(NAME, ROWS, WIDTH)                                                                             \
  static void NAME(int64_t blocks, const float *panel, int64_t block_step, const float *columns, float *out) {    \
    enum { V = WIDTH / VL };                                                                                      \
    vf sum[ROWS][V];                                                                                              \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) sum[r][v] = splat(0);                \
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
PANEL_TILE(panel_tile32, ROWS32, 32)
PANEL_TILE(panel_tile16, ROWS16, 16)

// out[row][width] for `rows` rows of a panel; rows are rounded up to whole tiles, so panel and out need room for that.
INLINE void panel_product(int64_t rows, int64_t c, const float *panel, int64_t panel_rows, const float *columns,
                          int64_t width, float *out) {
  if (width == 32)
    for (int64_t r = 0; r < rows; r += ROWS32) panel_tile32(c / 16, panel + r * 16, panel_rows * 16, columns, out + r * 32);
  else
    for (int64_t r = 0; r < rows; r += ROWS16) panel_tile16(c / 16, panel + r * 16, panel_rows * 16, columns, out + r * 16);
}

// out[16][width] += sum over t of a[t][16] (transposed) times b[t][16] in one or two blocks b_step apart.
#define OUTER_TILE(NAME, ROWS, BLOCKS)                                                                            \
  static void NAME(int64_t count, const float *a, const float *b, int64_t b_step, float *out) {                   \
    enum { V = BLOCKS * 16 / VL, PER = 16 / VL };                                                                 \
    vf sum[ROWS][V];                                                                                              \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) sum[r][v] = load(out + r * BLOCKS * 16 + v * VL); \
    for (int64_t t = 0; t < count; t++, a += 16, b += 16) {                                                       \
      vf right[V];                                                                                                \
      UNROLL for (int v = 0; v < V; v++) right[v] = load(b + v / PER * b_step + v % PER * VL);                    \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                     \
        vf left = splat(a[r]);                                                                                    \
        UNROLL for (int v = 0; v < V; v++) sum[r][v] += left * right[v];                                          \
      }                                                                                                           \
    }                                                                                                             \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < V; v++) store(out + r * BLOCKS * 16 + v * VL, sum[r][v]); \
  }
OUTER_TILE(outer_tile32, OUTER32, 2)
OUTER_TILE(outer_tile16, OUTER16, 1)

INLINE void outer_product(int64_t count, const float *a, const float *b, int64_t b_step, int64_t width, float *out) {
  if (width == 32)
    for (int r = 0; r < 16; r += OUTER32) outer_tile32(count, a + r, b, b_step, out + r * 32);
  else
    for (int r = 0; r < 16; r += OUTER16) outer_tile16(count, a + r, b, b_step, out + r * 16);
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
