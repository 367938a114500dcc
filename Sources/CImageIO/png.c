#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

typedef struct {
  const uint8_t *bytes;
  size_t count, position;
  int ended;  // a read past the end: the file is truncated
} png_source;

typedef struct {
  cimage_data *out;
  size_t capacity;
} png_sink;

static void fail(png_structp png, png_const_charp text) {
  cimage_say((char *)png_get_error_ptr(png), text);
  png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  png_source *source = png_get_io_ptr(png);
  if (count > source->count - source->position) {
    source->ended = 1;
    png_error(png, "the data end before the image does");
  }
  memcpy(to, source->bytes + source->position, count);
  source->position += count;
}

// What changes after setjmp lives outside the function that calls it: its own variables would be lost by the jump.
static int decode(png_source *source, uint64_t max_pixels, cimage *out) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, out->message, fail, ignore_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  png_bytep *volatile rows = NULL;
  volatile int code = CIMAGE_CORRUPT;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    cimage_say(out->message, "no memory for the decoder");
    return CIMAGE_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    if (source->ended) code = CIMAGE_TRUNCATED;
    free((void *)rows);
    png_destroy_read_struct(&png, &info, NULL);
    cimage_release(out);
    return code;
  }
  png_set_read_fn(png, source, read_bytes);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_read_info(png, info);
  int depth = png_get_bit_depth(png, info);
  out->width = png_get_image_width(png, info);
  out->height = png_get_image_height(png, info);
  size_t stored_row_bytes = png_get_rowbytes(png, info);

  png_set_expand(png);  // palettes to RGB, 1-4 bits to 8, transparency to alpha
  if (depth == 16) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    png_set_swap(png);
#endif
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  out->channels = png_get_channels(png, info);
  out->bits = png_get_bit_depth(png, info);

  // Deflate shrinks at most 1032 times: fewer bytes than that cannot hold the image, so nothing is allocated for them.
  size_t row_bytes = png_get_rowbytes(png, info);
  if ((uint64_t)stored_row_bytes * out->height / 1032 > (uint64_t)source->count + 64 &&
      (uint64_t)out->width * out->height <= max_pixels) {
    code = CIMAGE_TRUNCATED;
    png_error(png, "too few bytes for an image of the size that the header states");
  }
  code = cimage_allocate(out, max_pixels);
  if (code != CIMAGE_OK) {
    png_destroy_read_struct(&png, &info, NULL);
    return code;
  }
  code = CIMAGE_CORRUPT;
  rows = malloc(sizeof(png_bytep) * out->height);
  if (!rows) {
    code = CIMAGE_MEMORY;
    png_error(png, "no memory for the rows");
  }
  for (uint32_t y = 0; y < out->height; y++) rows[y] = (png_bytep)out->samples + (size_t)y * row_bytes;
  png_read_image(png, rows);
  png_read_end(png, info);
#ifdef PNG_eXIf_SUPPORTED
  // Behind the pixels as well as before them.
  png_uint_32 exif_count = 0;
  png_bytep exif = NULL;
  if (png_get_eXIf_1(png, info, &exif_count, &exif) && exif) out->orientation = cimage_exif_orientation(exif, exif_count);
#endif
  free((void *)rows);
  png_destroy_read_struct(&png, &info, NULL);
  return CIMAGE_OK;
}

int cimage_read_png(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out) {
  memset(out, 0, sizeof *out);
  out->orientation = 1;
  png_source source = {bytes, count, 0, 0};
  return decode(&source, max_pixels, out);
}

static void write_bytes(png_structp png, png_bytep from, size_t count) {
  png_sink *sink = png_get_io_ptr(png);
  if (!cimage_append(sink->out, &sink->capacity, from, count)) png_error(png, "no memory for the file");
}

static void flush_bytes(png_structp png) { (void)png; }

static int encode(png_sink *sink, const void *samples, uint32_t width, uint32_t height, int channels, int bits,
                  int level) {
  cimage_data *out = sink->out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, out->message, fail, ignore_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    cimage_say(out->message, "no memory for the encoder");
    return CIMAGE_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    cimage_free(out);
    return CIMAGE_CORRUPT;
  }
  png_set_write_fn(png, sink, write_bytes, flush_bytes);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_IHDR(png, info, width, height, bits, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, level);
  png_set_compression_strategy(png, 1);  // Z_FILTERED
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
  png_set_compression_buffer_size(png, 1 << 16);
  png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (bits == 16) png_set_swap(png);
#endif
  size_t row_bytes = (size_t)width * channels * (bits / 8);
  for (uint32_t y = 0; y < height; y++) png_write_row(png, (png_const_bytep)samples + y * row_bytes);
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  return CIMAGE_OK;
}

int cimage_write_png(const void *samples, uint32_t width, uint32_t height, int channels, int bits, int level,
                     cimage_data *out) {
  memset(out, 0, sizeof *out);
  png_sink sink = {out, 0};
  return encode(&sink, samples, width, height, channels, bits, level);
}
