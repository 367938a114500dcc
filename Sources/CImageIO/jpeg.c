#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "common.h"

typedef struct {
  struct jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
  jmp_buf exit;
  char *message;
  int warned, ended, unsupported;
} jpeg_errors;

static void fail(j_common_ptr common) {
  jpeg_errors *errors = (jpeg_errors *)common->err;
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(common, text);
  int code = errors->base.msg_code;
  if (code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY) errors->ended = 1;
  // Valid files of kinds that this library does not decode: 12 bits, lossless, arithmetic coding, hierarchical.
  if (code == JERR_BAD_PRECISION || code == JERR_SOF_UNSUPPORTED || code == JERR_ARITH_NOTIMPL) errors->unsupported = 1;
  cimage_say(errors->message, text);
  longjmp(errors->exit, 1);
}

// libjpeg goes on after damage with grey blocks and a warning. Here damage is an error. Harmless, since every pixel is
// decoded, and written by many cameras and editors: stray bytes between segments, a spectral selection of 0 to 0 in a
// sequential scan, an unknown version or colour transform, a damaged colour profile.
static void note(j_common_ptr common, int level) {
  jpeg_errors *errors = (jpeg_errors *)common->err;
  if (level >= 0 || errors->warned) return;
  int code = errors->base.msg_code;
  if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL)
    return;
#ifdef LIBJPEG_TURBO_VERSION
  if (code == JWRN_BOGUS_ICC) return;
#endif
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(common, text);
  cimage_say(errors->message, text);
  errors->warned = 1;
  errors->ended = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER;
}

// The orientation in an APP1 segment.
static int exif_orientation(const uint8_t *segment, size_t count) {
  if (count < 6 || memcmp(segment, "Exif\0\0", 6) != 0) return 1;
  return cimage_exif_orientation(segment + 6, count - 6);
}

// A progressive file is read scan by scan, each over all of its blocks: hundreds of scans in a small file keep a reader busy
// for hours. Files from cameras and encoders have about ten; one for every bit of every coefficient would not be written.
enum { MOST_SCANS = 100 };

static void count_scans(j_common_ptr common) {
  if (!common->is_decompressor || ((j_decompress_ptr)common)->input_scan_number <= MOST_SCANS) return;
  jpeg_errors *errors = (jpeg_errors *)common->err;
  char text[80];
  snprintf(text, sizeof text, "more than %d scans in a progressive JPEG", MOST_SCANS);
  errors->unsupported = 1;
  cimage_say(errors->message, text);
  longjmp(errors->exit, 1);
}

// The error state and the decoder live outside the function that calls setjmp: its own variables would be lost by the
// jump.
static int decode(struct jpeg_decompress_struct *jpeg, jpeg_errors *errors, struct jpeg_progress_mgr *progress,
                  const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out) {
  uint8_t *volatile cmyk = NULL;
  if (setjmp(errors->exit)) {
    jpeg_destroy_decompress(jpeg);
    free((void *)cmyk);
    cimage_release(out);
    return errors->unsupported ? CIMAGE_UNSUPPORTED : errors->ended ? CIMAGE_TRUNCATED : CIMAGE_CORRUPT;
  }
  jpeg_create_decompress(jpeg);
  jpeg->progress = progress;
  jpeg_mem_src(jpeg, bytes, (unsigned long)count);
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(jpeg, TRUE);
  out->width = jpeg->image_width;
  out->height = jpeg->image_height;
  int four = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  int grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
  jpeg->out_color_space = grey ? JCS_GRAYSCALE : four ? JCS_CMYK : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  out->channels = grey ? 1 : 3;
  out->bits = 8;
  for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker; marker = marker->next)
    if (marker->marker == JPEG_APP0 + 1 && out->orientation == 1)
      out->orientation = exif_orientation(marker->data, marker->data_length);
  // An 8 x 8 block takes two bits or more in a sequential file, so a tiny file with a huge header has lost its data;
  // a progressive one can say "nothing here" for 32,767 blocks at once.
  uint64_t blocks = ((uint64_t)out->width + 7) / 8 * (((uint64_t)out->height + 7) / 8);
  if (blocks / (jpeg->progressive_mode ? 65536 : 8) > (uint64_t)count &&
      (uint64_t)out->width * out->height <= max_pixels) {
    jpeg_destroy_decompress(jpeg);
    cimage_say(out->message, "too few bytes for an image of the size that the header states");
    return CIMAGE_TRUNCATED;
  }
  int code = cimage_allocate(out, max_pixels);
  if (code != CIMAGE_OK) {
    jpeg_destroy_decompress(jpeg);
    return code;
  }
  jpeg_start_decompress(jpeg);
  if (four) {
    cmyk = malloc((size_t)out->width * 4);
    if (!cmyk) {
      jpeg_destroy_decompress(jpeg);
      cimage_release(out);
      cimage_say(out->message, "no memory for a row");
      return CIMAGE_MEMORY;
    }
  }
  while (jpeg->output_scanline < jpeg->output_height && !errors->warned) {
    uint8_t *to = (uint8_t *)out->samples + (size_t)jpeg->output_scanline * out->width * out->channels;
    JSAMPROW row = four ? (JSAMPROW)cmyk : to;
    jpeg_read_scanlines(jpeg, &row, 1);
    if (four)
      for (uint32_t x = 0; x < out->width; x++)
        for (int c = 0; c < 3; c++) {
          // Adobe writes inverted CMYK.
          int ink = cmyk[4 * x + c], key = cmyk[4 * x + 3];
          if (!jpeg->saw_Adobe_marker) ink = 255 - ink, key = 255 - key;
          to[3 * x + c] = (uint8_t)((ink * key + 127) / 255);
        }
  }
  if (!errors->warned) jpeg_finish_decompress(jpeg);
  jpeg_destroy_decompress(jpeg);
  free((void *)cmyk);
  if (errors->warned) {
    cimage_release(out);
    return errors->ended ? CIMAGE_TRUNCATED : CIMAGE_CORRUPT;
  }
  return CIMAGE_OK;
}

int cimage_read_jpeg(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out) {
  memset(out, 0, sizeof *out);
  out->orientation = 1;
  struct jpeg_decompress_struct jpeg;
  jpeg_errors errors;
  memset(&jpeg, 0, sizeof jpeg);
  memset(&errors, 0, sizeof errors);
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = fail;
  errors.base.emit_message = note;
  errors.message = out->message;
  struct jpeg_progress_mgr progress;
  memset(&progress, 0, sizeof progress);
  progress.progress_monitor = count_scans;
  return decode(&jpeg, &errors, &progress, bytes, count, max_pixels, out);
}

// Memory that libjpeg fills: malloc'ed, also after an error.
typedef struct {
  unsigned char *bytes;
  unsigned long count;
} jpeg_memory;

static int encode(struct jpeg_compress_struct *jpeg, jpeg_errors *errors, jpeg_memory *memory, const uint8_t *samples,
                  uint32_t width, uint32_t height, int channels, int quality) {
  if (setjmp(errors->exit)) {
    jpeg_destroy_compress(jpeg);
    return CIMAGE_CORRUPT;
  }
  jpeg_create_compress(jpeg);
  jpeg_mem_dest(jpeg, &memory->bytes, &memory->count);
  jpeg->image_width = width;
  jpeg->image_height = height;
  jpeg->input_components = channels;
  jpeg->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(jpeg);
  jpeg_set_quality(jpeg, quality, TRUE);
  jpeg->dct_method = JDCT_ISLOW;
  jpeg_start_compress(jpeg, TRUE);
  while (jpeg->next_scanline < height) {
    JSAMPROW row = (JSAMPROW)(samples + (size_t)jpeg->next_scanline * width * channels);
    jpeg_write_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_compress(jpeg);
  jpeg_destroy_compress(jpeg);
  return CIMAGE_OK;
}

int cimage_write_jpeg(const uint8_t *samples, uint32_t width, uint32_t height, int channels, int quality,
                      cimage_data *out) {
  memset(out, 0, sizeof *out);
  struct jpeg_compress_struct jpeg;
  jpeg_errors errors;
  memset(&jpeg, 0, sizeof jpeg);
  memset(&errors, 0, sizeof errors);
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = fail;
  errors.base.emit_message = note;
  errors.message = out->message;
  jpeg_memory memory = {NULL, 0};
  int code = encode(&jpeg, &errors, &memory, samples, width, height, channels, quality);
  if (code != CIMAGE_OK) {
    free(memory.bytes);
    return code;
  }
  out->bytes = memory.bytes;
  out->count = memory.count;
  return CIMAGE_OK;
}
