// Reading a `ck_source`, and the statistics of gradients. The kind of a source is a constant in each copy of a loop.

enum { PLAIN, NORMALISED, GRADIENT, OUTER, HALF = 4 };  // HALF beside one of the others

INLINE int source_kind(const ck_source *s) {
  return (s->upstream ? s->factor ? OUTER : GRADIENT : s->scale ? NORMALISED : PLAIN) | (s->half ? HALF : 0);
}

// Runs a statement with KIND as a constant.
#define BY_KIND(SOURCE, STATEMENT)                        \
  switch (source_kind(SOURCE)) {                          \
    case PLAIN: { enum { KIND = PLAIN }; STATEMENT; break; }           \
    case NORMALISED: { enum { KIND = NORMALISED }; STATEMENT; break; } \
    case GRADIENT: { enum { KIND = GRADIENT }; STATEMENT; break; }     \
    case OUTER: { enum { KIND = OUTER }; STATEMENT; break; }           \
    case PLAIN | HALF: { enum { KIND = PLAIN | HALF }; STATEMENT; break; }           \
    case NORMALISED | HALF: { enum { KIND = NORMALISED | HALF }; STATEMENT; break; } \
    case GRADIENT | HALF: { enum { KIND = GRADIENT | HALF }; STATEMENT; break; }     \
    default: { enum { KIND = OUTER | HALF }; STATEMENT; break; }                     \
  }

// The factors of one vector of channels.
typedef struct {
  vf scale, shift, a, b, d, factor;
} source_factors;

INLINE source_factors factors_of(const ck_source *s, int kind, int64_t c) {
  source_factors f;
  f.scale = f.shift = f.a = f.b = f.d = f.factor = splat(0);
  if ((kind & 3) != PLAIN) {
    f.scale = load(s->scale + c);
    f.shift = load(s->shift + c);
  }
  if ((kind & 3) >= GRADIENT) {
    f.a = load(s->a + c);
    f.b = load(s->b + c);
    f.d = load(s->d + c);
  }
  if ((kind & 3) == OUTER) f.factor = load(s->factor + c);
  return f;
}

// One vector of channels at c; `at` and `up` are the offsets of the pixel in x and upstream.
INLINE vf read_at(const ck_source *s, int kind, const source_factors *f, int64_t at, int64_t up, int64_t c) {
  vf x = load_from(s->x, kind & HALF, at + c);
  if ((kind & 3) == PLAIN) return x;
  vf z = x * f->scale + f->shift;
  if ((kind & 3) == NORMALISED) return positive(z);
  vf g = (kind & 3) == OUTER ? splat(s->upstream[up]) * f->factor : load_from(s->upstream, kind & HALF, up + c);
  g = z > splat(0) ? g : splat(0);
  return f->a * g + f->b * x + f->d;
}

INLINE vf read_pixel(const ck_source *s, int kind, const source_factors *f, int64_t pixel, int64_t c) {
  return read_at(s, kind, f, pixel * s->xs, pixel * s->us, c);
}

// Asks for what `read_pixel` reads.
INLINE void prefetch_pixel(const ck_source *s, int kind, int64_t pixel, int64_t c) {
  __builtin_prefetch(address_in(s->x, kind & HALF, pixel * s->xs + c));
  if ((kind & 3) == GRADIENT) __builtin_prefetch(address_in(s->upstream, kind & HALF, pixel * s->us + c));
}

// The offset of a pixel in x; `line` counts the rows of all images.
INLINE int64_t place_in(const ck_source *s, int64_t w, int64_t line, int64_t x) {
  return line * (s->row ? s->row : w * s->xs) + x * s->xs;
}

// The part that holds channel *c, which becomes the channel within it.
INLINE const ck_source *part_of(const ck_source *in, int64_t *c) {
  while (*c >= in->c) *c -= in++->c;
  return in;
}

// Adds one gradient to sums[c] and dots[c].
INLINE void add_statistics(const ck_statistics *s, int64_t pixel, int64_t c, vf gradient, vf *sum, vf *dot) {
  vf x = load_from(s->x, s->half, pixel * s->xs + c);
  vf g = x * load(s->scale + c) + load(s->shift + c) > splat(0) ? gradient : splat(0);
  *sum += g;
  *dot += g * (x - load(s->mean + c));
}

// Adds partial[count][width] in order, in double precision.
static void add_partials(const float *partial, int64_t count, int64_t width, double *sums) {
  for (int64_t k = 0; k < width; k++) sums[k] = 0;
  for (int64_t i = 0; i < count; i++)
    for (int64_t k = 0; k < width; k++) sums[k] += partial[i * width + k];
}
