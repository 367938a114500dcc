// The backward pass of the blocks of NAFNet: the second half first.

// ---- second half backward ---------------------------------------------------------------------------------------------------
// partial[stretch]: s5[c][c], s4[2c][c], m[c][c] as naf_outer writes them, then sum5[c], sum4[2c], sum3[c].
static void naf_mix_back_stretch(void *context, int64_t index) {
  const naf_task *task = context;
  const ck_naf *p = task->p;
  int64_t c = p->c, area = p->h * p->w, room = naf_room(NAF_CHUNK), image = index / task->stretches;
  int64_t first = image * area + index % task->stretches * task->stretch;
  int64_t end = least((image + 1) * area, first + task->stretch);
  float *s5 = task->partial + index * task->width, *s4 = s5 + c * c, *m = s4 + 2 * c * c;
  float *sum5 = m + c * c, *sum4 = sum5 + c, *sum3 = sum4 + 2 * c;
  memset(s5, 0, (size_t)task->width * 4);
  float *upstream = ck_scratch(0, (11 * c * room + room) * 4), *y = upstream + c * room, *normal = y + c * room;
  float *gated = normal + c * room, *wide = gated + c * room, *narrow = wide + 2 * c * room, *du = narrow + c * room;
  float *dy = du + 2 * c * room, *g = dy + c * room, *inverse = g + c * room;
  for (; first < end; first += NAF_CHUNK) {
    int64_t count = least(NAF_CHUNK, end - first), next = least(NAF_CHUNK, end - first - count) * c;
    naf_prefetch(p->dout + (first + count) * c, next);
    naf_prefetch(p->y + (first + count) * c, next);
    naf_prefetch(p->g + (first + count) * c, next);
    naf_load(p->dout, c, first, count, upstream, room);
    naf_load(p->y, c, first, count, y, room);
    naf_load(p->g, c, first, count, g, room);
    naf_normalise(count, c, p->epsilon, y, normal, room, inverse);
    naf_product(count, c, 2 * c, normal, room, p->w4, p->b4, wide);
    naf_product(count, c, c, upstream, room, p->w5_back, 0, narrow);
    for (int64_t k = 0; k < c; k += VL) {
      float *low = wide_at(wide, room, k), *high = wide_at(wide, room, k + c), *d = wide_at(narrow, room, k);
      float *product = panel_at(gated, room, k), *dlow = panel_at(du, room, k), *dhigh = panel_at(du, room, k + c);
      for (int64_t i = 0; i < count; i++) {
        vf u = load(low + i * 32), v = load(high + i * 32), e = load(d + i * 32);
        store(product + i * 16, u * v);
        store(dlow + i * 16, e * v);
        store(dhigh + i * 16, e * u);
      }
    }
    naf_outer(count, c, c, gated, upstream, room, s5);
    naf_outer(count, c, 2 * c, normal, du, room, s4);
    naf_sum(count, c, upstream, room, sum5);
    naf_sum(count, 2 * c, du, room, sum4);
    naf_product(count, 2 * c, c, du, room, p->w4_back, 0, narrow);
    naf_normalise_back(count, c, narrow, normal, inverse, upstream, room, p->dy + first * c, dy);
    naf_outer(count, c, c, g, dy, room, m);
    naf_sum(count, c, dy, room, sum3);
  }
}

// out[c][k] from blocks[k/32][c][32].
static void naf_unblock(const double *blocks, int64_t c, int64_t k, float *out) {
  for (int64_t i = 0; i < c; i++)
    for (int64_t j = 0; j < k; j++) out[i * k + j] = (float)blocks[j / 32 * 32 * c + i * 32 + j % 32];
}

static void naf_mix_backward(int threads, const ck_naf *p) {
  int64_t c = p->c, area = p->h * p->w;
  naf_task t = {.p = p, .width = 4 * c * c + 4 * c};
  t.stretch = round_up(pieces(area, c > 128 ? 4 : NAF_STRETCHES), NAF_CHUNK);
  t.stretches = pieces(area, t.stretch);
  int64_t bytes = p->n * t.stretches * t.width * 4;
  t.partial = ck_alloc(bytes);
  double *sums = ck_alloc(t.width * 8);
  ck_parallel(threads, p->n * t.stretches, &t, naf_mix_back_stretch);
  for (int64_t i = 0; i < p->n; i++) {  // m is wanted for each image
    add_partials(t.partial + i * t.stretches * t.width, t.stretches, t.width, sums);
    naf_unblock(sums + 3 * c * c, c, c, p->m + i * c * c);
  }
  add_partials(t.partial, p->n * t.stretches, t.width, sums);
  naf_unblock(sums, c, c, p->s5);
  naf_unblock(sums + c * c, c, 2 * c, p->s4);
  for (int64_t k = 0; k < c; k++) {
    p->sum5[k] = (float)sums[4 * c * c + k];
    p->sum3[k] = (float)sums[4 * c * c + 3 * c + k];
  }
  for (int64_t k = 0; k < 2 * c; k++) p->sum4[k] = (float)sums[4 * c * c + c + k];
  ck_free(sums, t.width * 8);
  ck_free(t.partial, bytes);
}

// ---- first half backward ----------------------------------------------------------------------------------------------------
// partial[tile]: s1[2c][c], sum1[2c], dw2[9][2c], sum2[2c].

// The gradients of both halves of the gate in one row: dv of columns -1 ... columns of the tile, wide. t has one more column
// on either side.
INLINE void naf_gate_row_back(const ck_naf *p, naf_tile at, int64_t y, int64_t columns, int64_t room, float *const rows[3],
                              float *panel, float *narrow, float *dv) {
  int64_t c = p->c, from = at.x0 - 1, first = from < 0 ? 0 : from, end = least(p->w, at.x1 + 1);
  int64_t before = first - from, count = end - first;
  naf_load(p->dy, c, (at.image * p->h + y) * p->w + first, count, panel + before * 16, room);
  if (y + 1 < p->h) naf_prefetch(p->dy + ((at.image * p->h + y + 1) * p->w + first) * c, count * c);
  naf_product(columns, c, c, panel, room, p->w3_back + at.image * c * c, p->dm + at.image * c, narrow);
  for (int64_t k = 0; k < c; k += VL) {
    vf weight[2][9], bias[2];
    UNROLL for (int s = 0; s < 2; s++) {
      UNROLL for (int i = 0; i < 9; i++) weight[s][i] = load(p->w2 + i * 2 * c + s * c + k);
      bias[s] = load(p->b2 + s * c + k);
    }
    int64_t low = k / 32 * 32 * room + k % 32, high = low + c * room;
    for (int64_t x = 0; x < columns; x++) {
      vf dg = x < before || x >= before + count ? splat(0) : load(narrow + low + x * 32);
      vf u = naf_depthwise(rows, low + (x + 1) * 32, weight[0], bias[0]);
      vf v = naf_depthwise(rows, high + (x + 1) * 32, weight[1], bias[1]);
      store(dv + low + x * 32, dg * v);
      store(dv + high + x * 32, dg * u);
    }
  }
}

static void naf_gate_back_tile(void *context, int64_t index) {
  const naf_task *task = context;
  const ck_naf *p = task->p;
  naf_tile at = naf_tile_at(p, index);
  int64_t c = p->c, own = at.x1 - at.x0, room = naf_room(own + 4), row_floats = 2 * c * room;
  float *panel = ck_scratch(0, (6 * c * room + room + 8 * row_floats) * 4), *normal = panel + c * room;
  float *dy = normal + c * room, *narrow = dy + c * room, *dt = narrow + c * room, *inverse = dt + 2 * c * room;
  float *ring = inverse + room, *gradients = ring + 4 * row_floats;
  float *s1 = task->partial + index * task->width, *sum1 = s1 + 2 * c * c, *dw2 = sum1 + 2 * c, *sum2 = dw2 + 18 * c;
  memset(s1, 0, (size_t)task->width * 4);
  memset(panel, 0, (size_t)(6 * c * room) * 4);
  // At step y: the row y + 2 of t, the row y + 1 of dv, the row y of dx.
  for (int64_t y = at.y0 - 4; y < at.y1; y++) {
    if (y + 2 >= 0 && y + 2 < p->h)
      naf_widen_row(p, at.image, y + 2, at.x0 - 2, at.x1 + 2, room, panel, normal, inverse,
                    ring + (y + 8) % 4 * row_floats);
    float *rows[3];
    if (y + 1 >= at.y0 - 1 && y + 1 >= 0 && y + 1 < p->h) {
      for (int r = 0; r < 3; r++)
        rows[r] = y + r < 0 || y + r >= p->h ? 0 : ring + (y + r + 6) % 4 * row_floats;
      naf_gate_row_back(p, at, y + 1, own + 2, room, rows, panel, narrow, gradients + (y + 4) % 3 * row_floats);
    }
    if (y < at.y0) continue;
    float *above[3], *around[3];  // rows y - 1, y, y + 1 of dv and of t
    for (int r = 0; r < 3; r++) {
      int there = y + r - 1 >= 0 && y + r - 1 < p->h;
      above[r] = there ? gradients + (y + r + 2) % 3 * row_floats : 0;
      around[r] = there ? ring + (y + r + 5) % 4 * row_floats : 0;
    }
    for (int64_t k = 0; k < 2 * c; k += VL) {
      vf weight[9], sum[9], total_dv = load(sum2 + k);
      UNROLL for (int i = 0; i < 9; i++) {
        weight[i] = load(p->w2 + (8 - i) * 2 * c + k);
        sum[i] = load(dw2 + i * 2 * c + k);
      }
      int64_t lane = k / 32 * 32 * room + k % 32;
      float *out = panel_at(dt, room, k);
      for (int64_t x = 0; x < own; x++) {
        store(out + x * 16, naf_depthwise(above, lane + (x + 1) * 32, weight, splat(0)));
        vf g = load(above[1] + lane + (x + 1) * 32);
        total_dv += g;
        UNROLL for (int r = 0; r < 3; r++) {
          if (!around[r]) continue;
          const float *t = around[r] + lane + (x + 1) * 32;
          UNROLL for (int s = 0; s < 3; s++) sum[r * 3 + s] += g * load(t + s * 32);
        }
      }
      store(sum2 + k, total_dv);
      UNROLL for (int i = 0; i < 9; i++) store(dw2 + i * 2 * c + k, sum[i]);
    }
    int64_t first = (at.image * p->h + y) * p->w + at.x0;
    naf_load(p->x, c, first, own, panel, room);
    naf_normalise(own, c, p->epsilon, panel, normal, room, inverse);
    naf_load(p->dy, c, first, own, dy, room);
    naf_outer(own, c, 2 * c, normal, dt, room, s1);
    naf_sum(own, 2 * c, dt, room, sum1);
    naf_product(own, 2 * c, c, dt, room, p->w1_back, 0, narrow);
    naf_normalise_back(own, c, narrow, normal, inverse, dy, room, p->dx + first * c, 0);
  }
}

static void naf_gate_backward(int threads, const ck_naf *p) {
  int64_t c = p->c, tasks = p->n * naf_tiles(p);
  naf_task t = {.p = p, .width = 2 * c * c + 22 * c};
  int64_t bytes = tasks * t.width * 4;
  t.partial = ck_alloc(bytes);
  double *sums = ck_alloc(t.width * 8);
  ck_parallel(threads, tasks, &t, naf_gate_back_tile);
  add_partials(t.partial, tasks, t.width, sums);
  naf_unblock(sums, c, 2 * c, p->s1);
  for (int64_t k = 0; k < 2 * c; k++) {
    p->sum1[k] = (float)sums[2 * c * c + k];
    p->sum2[k] = (float)sums[2 * c * c + 20 * c + k];
  }
  for (int64_t k = 0; k < 18 * c; k++) p->dw2[k] = (float)sums[2 * c * c + 2 * c + k];
  ck_free(sums, t.width * 8);
  ck_free(t.partial, bytes);
}
