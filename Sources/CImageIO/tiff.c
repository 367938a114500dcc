#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "common.h"

// A file in memory: `bytes` when read, `out` when written.
typedef struct {
  const uint8_t *bytes;
  cimage_data *out;
  size_t count, capacity, position;
  int ended;
  char *message;
} tiff_file;

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t count) {
  tiff_file *file = handle;
  const uint8_t *bytes = file->out ? file->out->bytes : file->bytes;
  size_t size = file->out ? file->out->count : file->count;
  size_t left = file->position < size ? size - file->position : 0;
  size_t n = (size_t)count < left ? (size_t)count : left;
  if (n < (size_t)count) file->ended = 1;
  if (n) memcpy(to, bytes + file->position, n);
  file->position += n;
  return (tmsize_t)n;
}

static tmsize_t write_bytes(thandle_t handle, void *from, tmsize_t count) {
  tiff_file *file = handle;
  if (!file->out) return 0;
  static const uint8_t zeros[4096];
  while (file->out->count < file->position) {
    size_t gap = file->position - file->out->count;
    if (!cimage_append(file->out, &file->capacity, zeros, gap < sizeof zeros ? gap : sizeof zeros)) return 0;
  }
  size_t overlap = file->out->count - file->position;
  if (overlap > (size_t)count) overlap = (size_t)count;
  if (overlap) memcpy(file->out->bytes + file->position, from, overlap);
  if (!cimage_append(file->out, &file->capacity, (uint8_t *)from + overlap, (size_t)count - overlap)) return 0;
  file->position += (size_t)count;
  return count;
}

static toff_t size_of(thandle_t handle) {
  tiff_file *file = handle;
  return file->out ? file->out->count : file->count;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  tiff_file *file = handle;
  if (whence == SEEK_CUR) offset += file->position;
  if (whence == SEEK_END) offset += size_of(handle);
  file->position = offset;
  return offset;
}

static int close_file(thandle_t handle) {
  (void)handle;
  return 0;
}

static int note_error(TIFF *tiff, void *data, const char *module, const char *format, va_list arguments) {
  (void)tiff, (void)module;
  tiff_file *file = data;
  char text[256];
  vsnprintf(text, sizeof text, format, arguments);
  if (!file->message[0]) cimage_say(file->message, text);  // the first error is the cause
  return 1;
}

static int ignore_warning(TIFF *tiff, void *data, const char *module, const char *format, va_list arguments) {
  (void)tiff, (void)data, (void)module, (void)format, (void)arguments;
  return 1;
}

static TIFF *open_file(tiff_file *file, const char *mode) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, note_error, file);
  TIFFOpenOptionsSetWarningHandlerExtR(options, ignore_warning, file);
  TIFF *tiff =
      TIFFClientOpenExt("image", mode, file, read_bytes, write_bytes, seek, close_file, size_of, NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

static int refuse(TIFF *tiff, cimage *out, const char *text) {
  cimage_say(out->message, text);
  TIFFClose(tiff);
  cimage_release(out);
  return CIMAGE_UNSUPPORTED;
}

// Copies one decoded strip or tile (w x h pixels, `from_channels` interleaved samples a pixel) to (x, y); planar files
// bring one channel at a time. 64-bit floats are narrowed.
static void place(cimage *out, const uint8_t *from, uint32_t from_width, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                  int from_channels, int channel, int source_bits) {
  size_t size = (size_t)out->bits / 8, source_size = (size_t)source_bits / 8;
  for (uint32_t row = 0; row < h; row++) {
    const uint8_t *source = from + (size_t)row * from_width * from_channels * source_size;
    uint8_t *to = (uint8_t *)out->samples + (((size_t)(y + row) * out->width + x) * out->channels + channel) * size;
    if (from_channels == out->channels && source_bits == out->bits) {
      memcpy(to, source, (size_t)w * out->channels * size);
      continue;
    }
    int copied = from_channels < out->channels ? from_channels : out->channels;
    for (uint32_t i = 0; i < w; i++)
      for (int c = 0; c < copied; c++) {
        const uint8_t *sample = source + ((size_t)i * from_channels + c) * source_size;
        uint8_t *target = to + ((size_t)i * out->channels + c) * size;
        if (source_bits == 64) {
          double wide;
          memcpy(&wide, sample, 8);
          float narrow = (float)wide;
          memcpy(target, &narrow, 4);
        } else {
          memcpy(target, sample, size);
        }
      }
  }
}

int cimage_read_tiff(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out) {
  memset(out, 0, sizeof *out);
  tiff_file file = {.bytes = bytes, .count = count, .message = out->message};
  TIFF *tiff = open_file(&file, "rm");
  if (!tiff) {
    if (!out->message[0]) cimage_say(out->message, "the directory cannot be read");
    return file.ended ? CIMAGE_TRUNCATED : CIMAGE_CORRUPT;
  }
  uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG, photometric = 0;
  uint16_t compression = COMPRESSION_NONE, orientation = 1, extra_count = 0, *extra = NULL;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
  int has_photometric = TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
  if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &out->width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &out->height)) {
    cimage_say(out->message, "the directory has no image size");
    TIFFClose(tiff);
    return CIMAGE_CORRUPT;
  }
  out->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  if (compression == COMPRESSION_JPEG) TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  int is_float = format == SAMPLEFORMAT_IEEEFP && (bits == 32 || bits == 64);
  int is_unsigned = (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) && (bits == 8 || bits == 16);
  if (!is_float && !is_unsigned) {
    char text[128];
    snprintf(text, sizeof text, "TIFF samples of %d bits, format %d; read are 8- and 16-bit unsigned, 32- and 64-bit float",
             bits, format);
    return refuse(tiff, out, text);
  }
  if (samples < 1 || samples > 4) return refuse(tiff, out, "a TIFF with more than four channels");
  int colour = samples >= 3;
  if (has_photometric) {
    int accepted = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ||
                   photometric == PHOTOMETRIC_RGB || (photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG);
    if (!accepted) return refuse(tiff, out, "a TIFF with a palette or a colour model other than grey and RGB");
  }
  // 3 -> RGB; 4 -> RGB + alpha (a fourth channel that is not alpha is dropped); 2 -> grey + alpha or grey.
  int alpha = extra_count > 0 && (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA);
  out->channels = (colour ? 3 : 1) + ((samples == 2 || samples == 4) && alpha ? 1 : 0);
  out->premultiplied = alpha && extra[0] == EXTRASAMPLE_ASSOCALPHA;
  out->bits = is_float ? 32 : bits;
  int code = cimage_allocate(out, max_pixels);
  if (code != CIMAGE_OK) {
    TIFFClose(tiff);
    return code;
  }
  int tiled = TIFFIsTiled(tiff), separate = planar == PLANARCONFIG_SEPARATE;
  int planes = separate ? out->channels : 1, block_channels = separate ? 1 : samples;
  uint32_t block_width = out->width, block_height = 0;
  if (tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &block_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &block_height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &block_height);
    if (block_height > out->height) block_height = out->height;
  }
  tmsize_t size = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  uint64_t needed = (uint64_t)block_width * block_height * block_channels * (bits / 8);
  if (block_width == 0 || block_height == 0 || size <= 0 || (uint64_t)size < needed ||
      (uint64_t)size > ((uint64_t)max_pixels + 65536) * 16) {
    if (!out->message[0]) cimage_say(out->message, "strip or tile sizes do not fit the image");
    TIFFClose(tiff);
    cimage_release(out);
    return CIMAGE_CORRUPT;
  }
  uint8_t *block = calloc(1, (size_t)size);
  if (!block) {
    TIFFClose(tiff);
    cimage_release(out);
    cimage_say(out->message, "no memory for a strip");
    return CIMAGE_MEMORY;
  }
  code = CIMAGE_OK;
  for (int plane = 0; plane < planes && code == CIMAGE_OK; plane++)
    for (uint32_t y = 0; y < out->height && code == CIMAGE_OK; y += block_height)
      for (uint32_t x = 0; x < out->width && code == CIMAGE_OK; x += block_width) {
        uint32_t h = out->height - y < block_height ? out->height - y : block_height;
        uint32_t w = out->width - x < block_width ? out->width - x : block_width;
        tmsize_t got, expected;
        if (tiled) {
          got = TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, (uint16_t)plane), block, size);
          expected = size;
        } else {
          got = TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, (uint16_t)plane), block, size);
          expected = (tmsize_t)((uint64_t)block_width * h * block_channels * (bits / 8));
        }
        if (got < expected) {
          if (!out->message[0]) cimage_say(out->message, "a strip or tile is shorter than the image needs");
          code = file.ended || got >= 0 ? CIMAGE_TRUNCATED : CIMAGE_CORRUPT;
        } else {
          place(out, block, block_width, x, y, w, h, block_channels, plane, bits);
        }
      }
  free(block);
  TIFFClose(tiff);
  if (code == CIMAGE_CORRUPT && strstr(out->message, "Read error")) code = CIMAGE_TRUNCATED;
  if (code != CIMAGE_OK) {
    cimage_release(out);
    return code;
  }
  if (has_photometric && photometric == PHOTOMETRIC_MINISWHITE) {
    if (out->channels != 1) {
      cimage_say(out->message, "an inverted grey TIFF with alpha");
      cimage_release(out);
      return CIMAGE_UNSUPPORTED;
    }
    size_t n = (size_t)out->width * out->height;
    if (out->bits == 8)
      for (size_t i = 0; i < n; i++) ((uint8_t *)out->samples)[i] = (uint8_t)~((uint8_t *)out->samples)[i];
    else if (out->bits == 16)
      for (size_t i = 0; i < n; i++) ((uint16_t *)out->samples)[i] = (uint16_t)~((uint16_t *)out->samples)[i];
  }
  out->message[0] = 0;
  return CIMAGE_OK;
}

int cimage_write_tiff(const void *samples, uint32_t width, uint32_t height, int channels, int bits, cimage_data *out) {
  memset(out, 0, sizeof *out);
  tiff_file file = {.out = out, .message = out->message};
  TIFF *tiff = open_file(&file, "wl");
  if (!tiff) {
    cimage_free(out);
    return CIMAGE_MEMORY;
  }
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, channels);
  TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, bits == 32 ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
  TIFFSetField(tiff, TIFFTAG_PREDICTOR, bits == 32 ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);
  TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 3);
  uint32_t rows = 64;
  TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows);
  size_t row_bytes = (size_t)width * channels * (bits / 8);
  uint8_t *strip = malloc(row_bytes * rows);  // the predictor works in place
  int ok = strip != NULL;
  for (uint32_t y = 0; ok && y < height; y += rows) {
    uint32_t n = height - y < rows ? height - y : rows;
    memcpy(strip, (const uint8_t *)samples + (size_t)y * row_bytes, (size_t)n * row_bytes);
    ok = TIFFWriteEncodedStrip(tiff, y / rows, strip, (tmsize_t)((size_t)n * row_bytes)) >= 0;
  }
  free(strip);
  if (ok) ok = TIFFFlush(tiff);
  TIFFClose(tiff);
  if (!ok) {
    if (!out->message[0]) cimage_say(out->message, "no memory for the file");
    cimage_free(out);
    return CIMAGE_CORRUPT;
  }
  return CIMAGE_OK;
}
