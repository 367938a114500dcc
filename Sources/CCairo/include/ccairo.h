#pragma once
// Figures as PDF and PNG through cairo, with text set in DejaVu Sans. The library is loaded for the first figure: linking it
// would add some six milliseconds to the start of every worker process, and one stage in a run needs it.
#include <stddef.h>

/// A picture being drawn, x to the right, y down; for one thread at a time.
typedef struct figure figure;

typedef struct {
  double red, green, blue, opacity;  // 0...1
} figure_colour;

typedef struct {
  figure_colour colour;
  double width;
  const double *dashes;
  int dash_count;  // 0: a whole line
  int round_joins;
} figure_stroke;

typedef enum { FIGURE_START, FIGURE_MIDDLE, FIGURE_END } figure_anchor;

/// Null when cairo can be used, else why not.
const char *figure_library_problem(void);
/// Reads the two font files, once a process. Null, or why they cannot be used.
const char *figure_font_problem(const char *regular, const char *bold);

/// A page of `width` by `height` units of which each is `scale` points. Null when memory is short.
/// Only after both questions above were answered with null.
figure *figure_open_pdf(double width, double height, double scale, const char *title, const char *subject);
/// Pixels, `scale` for each unit, without transparency. Null when memory is short.
figure *figure_open_png(double width, double height, double scale);

void figure_move(figure *figure, double x, double y);
void figure_line(figure *figure, double x, double y);
void figure_curve(figure *figure, double x1, double y1, double x2, double y2, double x, double y);
void figure_close_path(figure *figure);
/// Paints the path drawn so far and forgets it; null paints nothing.
void figure_paint(figure *figure, const figure_colour *fill, const figure_stroke *stroke);
/// One line of text, its anchor at (x, y) on the base line, turned by `radians` clockwise about that point.
/// Returns 0 when the font lacks one of its characters (then nothing is drawn), else 1.
int figure_text(figure *figure, const char *utf8, double x, double y, double size, figure_anchor anchor, int bold,
                int underlined, double radians, figure_colour colour);

/// Takes bytes of the file.
typedef void (*figure_sink)(const unsigned char *bytes, size_t count, void *context);
/// Ends the picture, hands the file to `sink` and frees everything. Null, or what went wrong.
const char *figure_finish(figure *figure, figure_sink sink, void *context);
