#include "ccairo.h"

#include <cairo/cairo-pdf.h>
#include <cairo/cairo.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of FreeType only the way from a file to a cairo font is needed, all of it with opaque pointers.
typedef int (*ft_init_free_type)(void **library);
typedef int (*ft_new_face)(void *library, const char *path, long index, void **face);
typedef cairo_font_face_t *(*create_for_ft_face)(void *face, int load_flags);

#define FUNCTIONS(X)            \
  X(create)                     \
  X(destroy)                    \
  X(status)                     \
  X(status_to_string)           \
  X(save)                       \
  X(restore)                    \
  X(scale)                      \
  X(translate)                  \
  X(rotate)                     \
  X(move_to)                    \
  X(line_to)                    \
  X(curve_to)                   \
  X(close_path)                 \
  X(new_path)                   \
  X(rectangle)                  \
  X(set_source_rgba)            \
  X(set_line_width)             \
  X(set_line_join)              \
  X(set_dash)                   \
  X(fill)                       \
  X(fill_preserve)              \
  X(stroke)                     \
  X(set_font_face)              \
  X(set_font_size)              \
  X(set_font_options)           \
  X(get_scaled_font)            \
  X(scaled_font_text_to_glyphs) \
  X(glyph_extents)              \
  X(show_text_glyphs)           \
  X(glyph_free)                 \
  X(text_cluster_free)          \
  X(font_options_create)        \
  X(font_options_destroy)       \
  X(font_options_set_antialias) \
  X(font_options_set_hint_style) \
  X(font_options_set_hint_metrics) \
  X(image_surface_create)       \
  X(pdf_surface_create_for_stream) \
  X(pdf_surface_set_metadata)   \
  X(surface_finish)             \
  X(surface_destroy)            \
  X(surface_status)             \
  X(surface_write_to_png_stream)

static struct {
#define DECLARE(name) __typeof__(&cairo_##name) name;
  FUNCTIONS(DECLARE)
#undef DECLARE
  create_for_ft_face ft_font_face_create_for_ft_face;
  ft_init_free_type init_free_type;
  ft_new_face new_face;
} cairo;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

static void *find(void *library, const char *name) {
  void *function = dlsym(library, name);
  if (!function && !problem[0]) snprintf(problem, sizeof problem, "the installed library lacks %s", name);
  return function;
}

static void *open_library(const char *name, const char *file) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library && !problem[0]) snprintf(problem, sizeof problem, "%s is not installed (%s)", name, dlerror());
  return library;
}

static void load(void) {
  void *library = open_library("libcairo", "libcairo.so.2");
  void *freetype = open_library("libfreetype", "libfreetype.so.6");
  if (!library || !freetype) return;
#define LOAD(name) *(void **)&cairo.name = find(library, "cairo_" #name);
  FUNCTIONS(LOAD)
  LOAD(ft_font_face_create_for_ft_face)
#undef LOAD
  *(void **)&cairo.init_free_type = find(freetype, "FT_Init_FreeType");
  *(void **)&cairo.new_face = find(freetype, "FT_New_Face");
}

const char *figure_library_problem(void) {
  pthread_once(&once, load);
  return problem[0] ? problem : NULL;
}

// Both faces stay for as long as the process does: cairo keeps scaled fonts of them in a cache of its own.
static pthread_mutex_t font_lock = PTHREAD_MUTEX_INITIALIZER;
static cairo_font_face_t *faces[2];
static char font_problem[512];

const char *figure_font_problem(const char *regular, const char *bold) {
  if (figure_library_problem()) return problem;
  pthread_mutex_lock(&font_lock);
  static void *library;
  const char *files[2] = {regular, bold};
  const char *result = NULL;
  if (!library && cairo.init_free_type(&library)) result = "FreeType cannot be set up";
  for (int i = 0; i < 2 && !result; i++) {
    void *face = NULL;
    if (faces[i]) continue;
    if (cairo.new_face(library, files[i], 0, &face)) {
      snprintf(font_problem, sizeof font_problem, "%s is no font that FreeType can read", files[i]);
      result = font_problem;
    } else {
      faces[i] = cairo.ft_font_face_create_for_ft_face(face, 0);
    }
  }
  pthread_mutex_unlock(&font_lock);
  return result;
}

struct figure {
  cairo_surface_t *surface;
  cairo_t *context;
  int is_pdf;
  struct bytes {
    unsigned char *start;
    size_t count, capacity;
  } bytes;
};

static cairo_status_t collect(void *context, const unsigned char *bytes, unsigned int count) {
  struct bytes *all = context;
  if (all->count + count > all->capacity) {
    size_t capacity = 2 * (all->count + count);
    unsigned char *larger = realloc(all->start, capacity);
    if (!larger) return CAIRO_STATUS_NO_MEMORY;
    all->start = larger;
    all->capacity = capacity;
  }
  memcpy(all->start + all->count, bytes, count);
  all->count += count;
  return CAIRO_STATUS_SUCCESS;
}

static figure *start(figure *figure, double scale) {
  figure->context = cairo.create(figure->surface);
  cairo.scale(figure->context, scale, scale);
  // Outlines as they are designed, at any size: hinting depends on the version of FreeType.
  cairo_font_options_t *options = cairo.font_options_create();
  cairo.font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo.font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo.font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo.set_font_options(figure->context, options);
  cairo.font_options_destroy(options);
  return figure;
}

figure *figure_open_pdf(double width, double height, double scale, const char *title, const char *subject) {
  figure *figure = calloc(1, sizeof *figure);
  if (!figure) return NULL;
  figure->is_pdf = 1;
  figure->surface = cairo.pdf_surface_create_for_stream(collect, &figure->bytes, width * scale, height * scale);
  cairo.pdf_surface_set_metadata(figure->surface, CAIRO_PDF_METADATA_TITLE, title);
  cairo.pdf_surface_set_metadata(figure->surface, CAIRO_PDF_METADATA_SUBJECT, subject);
  // The clock is no part of a figure.
  cairo.pdf_surface_set_metadata(figure->surface, CAIRO_PDF_METADATA_CREATE_DATE, NULL);
  return start(figure, scale);
}

figure *figure_open_png(double width, double height, double scale) {
  figure *figure = calloc(1, sizeof *figure);
  if (!figure) return NULL;
  figure->surface =
      cairo.image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * scale), (int)ceil(height * scale));
  start(figure, scale);
  cairo.set_source_rgba(figure->context, 1, 1, 1, 1);
  cairo.rectangle(figure->context, 0, 0, width + 1, height + 1);
  cairo.fill(figure->context);
  return figure;
}

void figure_move(figure *figure, double x, double y) { cairo.move_to(figure->context, x, y); }
void figure_line(figure *figure, double x, double y) { cairo.line_to(figure->context, x, y); }
void figure_curve(figure *figure, double x1, double y1, double x2, double y2, double x, double y) {
  cairo.curve_to(figure->context, x1, y1, x2, y2, x, y);
}
void figure_close_path(figure *figure) { cairo.close_path(figure->context); }

static void set_source(cairo_t *context, figure_colour colour) {
  cairo.set_source_rgba(context, colour.red, colour.green, colour.blue, colour.opacity);
}

void figure_paint(figure *figure, const figure_colour *fill, const figure_stroke *stroke) {
  cairo_t *context = figure->context;
  if (fill) {
    set_source(context, *fill);
    cairo.fill_preserve(context);
  }
  if (stroke) {
    set_source(context, stroke->colour);
    cairo.set_line_width(context, stroke->width);
    cairo.set_line_join(context, stroke->round_joins ? CAIRO_LINE_JOIN_ROUND : CAIRO_LINE_JOIN_MITER);
    cairo.set_dash(context, stroke->dashes, stroke->dash_count, 0);
    cairo.stroke(context);
  }
  cairo.new_path(context);
}

int figure_text(figure *figure, const char *utf8, double x, double y, double size, figure_anchor anchor, int bold,
                int underlined, double radians, figure_colour colour) {
  cairo_t *context = figure->context;
  cairo.save(context);
  cairo.translate(context, x, y);
  cairo.rotate(context, radians);
  cairo.set_font_face(context, faces[bold ? 1 : 0]);
  cairo.set_font_size(context, size);
  cairo_glyph_t *glyphs = NULL;
  cairo_text_cluster_t *clusters = NULL;
  int glyph_count = 0, cluster_count = 0;
  cairo_text_cluster_flags_t flags;
  int known = 1;
  if (cairo.scaled_font_text_to_glyphs(cairo.get_scaled_font(context), 0, 0, utf8, -1, &glyphs, &glyph_count, &clusters,
                                       &cluster_count, &flags) == CAIRO_STATUS_SUCCESS) {
    for (int i = 0; i < glyph_count; i++) known &= glyphs[i].index != 0;
    cairo_text_extents_t extents;
    cairo.glyph_extents(context, glyphs, glyph_count, &extents);
    double width = extents.x_advance;
    double shift = anchor == FIGURE_START ? 0 : anchor == FIGURE_MIDDLE ? -width / 2 : -width;
    for (int i = 0; i < glyph_count; i++) glyphs[i].x += shift;
    if (known) {
      set_source(context, colour);
      cairo.show_text_glyphs(context, utf8, -1, glyphs, glyph_count, clusters, cluster_count, flags);
      if (underlined) {
        cairo.rectangle(context, shift, 0.12 * size, width, fmax(0.5, 0.06 * size));
        cairo.fill(context);
      }
    }
    cairo.glyph_free(glyphs);
    cairo.text_cluster_free(clusters);
  }
  cairo.restore(context);
  return known;
}

const char *figure_finish(figure *figure, figure_sink sink, void *context) {
  cairo_status_t status = cairo.status(figure->context);
  cairo.destroy(figure->context);
  if (status == CAIRO_STATUS_SUCCESS && !figure->is_pdf)
    status = cairo.surface_write_to_png_stream(figure->surface, collect, &figure->bytes);
  cairo.surface_finish(figure->surface);
  if (status == CAIRO_STATUS_SUCCESS) status = cairo.surface_status(figure->surface);
  cairo.surface_destroy(figure->surface);
  if (status == CAIRO_STATUS_SUCCESS && sink) sink(figure->bytes.start, figure->bytes.count, context);
  free(figure->bytes.start);
  free(figure);
  return status == CAIRO_STATUS_SUCCESS ? NULL : cairo.status_to_string(status);
}
