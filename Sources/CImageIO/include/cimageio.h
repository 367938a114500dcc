// Image files in memory <-> samples, over libpng, libjpeg and libtiff. These libraries leave a failed call with longjmp,
// which must not cross Swift frames; here it stays inside C. Every function is thread-safe.
#ifndef CIMAGEIO_H
#define CIMAGEIO_H

#include <stddef.h>
#include <stdint.h>

// What went wrong; the message has the library's own words.
enum {
  CIMAGE_OK = 0,
  CIMAGE_TRUNCATED = 1,    // the data end before the image does
  CIMAGE_CORRUPT = 2,      // the data contradict themselves (checksums, codes, sizes)
  CIMAGE_TOO_LARGE = 3,    // more pixels than the limit
  CIMAGE_UNSUPPORTED = 4,  // a valid file of a kind that is not read
  CIMAGE_MEMORY = 5        // no memory for the samples
};

// Samples: row-major, channels interleaved, native byte order. Release with cimage_release.
typedef struct {
  uint32_t width, height;
  int channels;     // 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
  int bits;         // 8 or 16 unsigned, 32 float
  int orientation;  // 1...8 as in EXIF and TIFF; 1 is upright
  int premultiplied;  // colours are already multiplied by alpha (TIFF's associated alpha)
  void *samples;
  char message[256];
} cimage;

// bytes written by an encoder. Release with cimage_free.
typedef struct {
  uint8_t *bytes;
  size_t count;
  char message[256];
} cimage_data;

int cimage_read_png(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out);
int cimage_read_jpeg(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out);
int cimage_read_tiff(const uint8_t *bytes, size_t count, uint64_t max_pixels, cimage *out);

// channels 1 or 3, bits 8 or 16; level is zlib's, 0...9.
int cimage_write_png(const void *samples, uint32_t width, uint32_t height, int channels, int bits, int level,
                     cimage_data *out);
// channels 1 or 3, 8 bits; quality 1...100, 4:2:0 chroma.
int cimage_write_jpeg(const uint8_t *samples, uint32_t width, uint32_t height, int channels, int quality,
                      cimage_data *out);
// channels 1 or 3, bits 16 unsigned or 32 float; Deflate with the predictor for the kind of sample.
int cimage_write_tiff(const void *samples, uint32_t width, uint32_t height, int channels, int bits, cimage_data *out);

void cimage_release(cimage *image);
void cimage_free(cimage_data *data);

#endif
