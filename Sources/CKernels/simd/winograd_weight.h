// The gradient of the weights of a 3x3 convolution by Winograd F(4x4, 3x3).
//
// dU = sum over tiles of V^T (A dY A^T), then dg = G^T dU G. Tiles are taken in chunks: all threads transform a chunk, then
// all threads multiply it, each its own positions and channels, so that every sum runs in the order of the tiles.
typedef struct {
  const ck_winograd_weight *p;
  int64_t tiles, first, count, room;  // of the chunk; room for tiles between blocks
  float *v, *m, *du;
  float *partial;  // [groups of TRANSFORM_TILES tiles][k]: sums of dy; or null
} weight_task;

enum { TRANSFORM_TILES = 16 };

static void transform_tiles(void *context, int64_t index) {
  const weight_task *t = context;
  const ck_winograd_weight *p = t->p;
  int64_t blocks = p->c / 16 + p->k / 16, block = index % blocks, i0 = index / blocks * TRANSFORM_TILES;
  int64_t end = least(t->count, i0 + TRANSFORM_TILES);
  tile_place places[TRANSFORM_TILES + AHEAD];
  places_from(t->first + i0, least(TRANSFORM_TILES + AHEAD, t->tiles - t->first - i0), p->h, p->w, places);
  if (block < p->c / 16) {
    int64_t c = block * 16, own = c;
    const ck_source *s = part_of(p->in, &own);
    BY_KIND(s, for (int64_t i = i0; i < end; i++) {
      prefetch_tile(s, KIND, p->h, p->w, places[least(i + AHEAD, t->tiles - t->first - 1) - i0], own);
      transform_input(s, KIND, p->h, p->w, places[i - i0], own, t->v + c * t->room + i * 16, p->c * t->room + 16);
    });
  } else {
    int64_t k = block * 16 - p->c;
    float *sums = t->partial ? t->partial + (t->first + i0) / TRANSFORM_TILES * p->k + k : 0;
    if (sums) memset(sums, 0, 64);
    int64_t own = k;
    const ck_source *s = part_of(p->dy, &own);
    BY_KIND(s, for (int64_t i = i0; i < end; i++) {
      prefetch_tile(s, KIND, p->h, p->w, places[least(i + AHEAD, t->tiles - t->first - 1) - i0], own);
      transform_gradient(s, KIND, p->h, p->w, places[i - i0], own, t->m + k * t->room + i * 16, p->k * t->room + 16, sums);
    });
  }
}

// One position and one block of up to 32 output channels, all input channels.
static void multiply_block(void *context, int64_t index) {
  const weight_task *t = context;
  const ck_winograd_weight *p = t->p;
  int64_t columns = pieces(p->k, 32), q = index / columns, k = index % columns * 32, width = least(32, p->k - k);
  const float *v = t->v + q * (p->c * t->room + 16), *m = t->m + q * (p->k * t->room + 16) + k * t->room;
  float *du = t->du + (q * p->k + k) * p->c;
  if (t->first == 0) memset(du, 0, (size_t)(width * p->c) * sizeof(float));
  for (int64_t c = 0; c < p->c; c += 16)
    outer_product(t->count, v + c * t->room, m, t->room * 16, width, du + c * width);
}

static void finish_weight(void *context, int64_t index) {
  const weight_task *t = context;
  const ck_winograd_weight *p = t->p;
  float g[6][3];
  filter_matrix(g);
  int64_t k0 = index * 32, width = least(32, p->k - k0);
  for (int64_t c = 0; c < p->true_c; c++) {
    float result[9][32];
    for (int64_t lane = 0; lane < width; lane += VL) {
      vf rows[3][6];
      for (int j = 0; j < 6; j++)
        for (int r = 0; r < 3; r++) {
          vf sum = splat(0);
          for (int i = 0; i < 6; i++)
            sum += g[i][r] * load(t->du + ((i * 6 + j) * p->k + k0) * p->c + c * width + lane);
          rows[r][j] = sum;
        }
      for (int r = 0; r < 3; r++)
        for (int s = 0; s < 3; s++) {
          vf sum = splat(0);
          for (int j = 0; j < 6; j++) sum += g[j][s] * rows[r][j];
          store(result[r * 3 + s] + lane, sum);
        }
    }
    for (int64_t j = 0; j < width && k0 + j < p->true_k; j++)
      for (int i = 0; i < 9; i++) p->dweight[((k0 + j) * p->true_c + c) * 9 + i] = result[i][j];
  }
}

static void winograd_weight(int threads, const ck_winograd_weight *p) {
  weight_task t = {.p = p, .tiles = p->n * pieces(p->h, 4) * pieces(p->w, 4)};
  t.room = WEIGHT_CHUNK_FLOATS / (POSITIONS * (p->c + p->k)) / TRANSFORM_TILES * TRANSFORM_TILES;
  if (t.room < 4 * TRANSFORM_TILES) t.room = 4 * TRANSFORM_TILES;
  if (t.room > t.tiles) t.room = round_up(t.tiles, TRANSFORM_TILES);
  int64_t v_bytes = POSITIONS * (p->c * t.room + 16) * 4, m_bytes = POSITIONS * (p->k * t.room + 16) * 4;
  int64_t du_bytes = POSITIONS * p->c * p->k * 4;
  t.v = ck_alloc(v_bytes);
  t.m = ck_alloc(m_bytes);
  t.du = ck_alloc(du_bytes);
  int64_t groups = pieces(t.tiles, TRANSFORM_TILES), sum_bytes = groups * p->k * 4;  // room is whole groups
  if (p->dbias) t.partial = ck_alloc(sum_bytes);
  for (t.first = 0; t.first < t.tiles; t.first += t.room) {
    t.count = least(t.room, t.tiles - t.first);
    ck_parallel(threads, pieces(t.count, TRANSFORM_TILES) * (p->c / 16 + p->k / 16), &t, transform_tiles);
    ck_parallel(threads, POSITIONS * pieces(p->k, 32), &t, multiply_block);
  }
  ck_parallel(threads, pieces(p->k, 32), &t, finish_weight);
  if (p->dbias) {
    for (int64_t k = 0; k < p->k; k++) {
      double sum = 0;
      for (int64_t i = 0; i < groups; i++) sum += t.partial[i * p->k + k];
      p->dbias[k] = (float)sum;
    }
    ck_free(t.partial, sum_bytes);
  }
  ck_free(t.v, v_bytes);
  ck_free(t.m, m_bytes);
  ck_free(t.du, du_bytes);
}
