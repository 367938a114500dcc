#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cimage_say(char message[256], const char *text) {
  snprintf(message, 256, "%s", text);
  for (char *c = message; *c; c++)
    if (*c == '\n' || *c == '\r') *c = ' ';
}

int cimage_append(cimage_data *out, size_t *capacity, const void *bytes, size_t count) {
  if (count > SIZE_MAX - out->count) return 0;
  if (out->count + count > *capacity) {
    size_t wanted = *capacity ? *capacity : 65536;
    while (wanted < out->count + count) {
      if (wanted > SIZE_MAX / 2) return 0;
      wanted *= 2;
    }
    uint8_t *grown = realloc(out->bytes, wanted);
    if (!grown) return 0;
    out->bytes = grown;
    *capacity = wanted;
  }
  memcpy(out->bytes + out->count, bytes, count);
  out->count += count;
  return 1;
}

int cimage_allocate(cimage *out, uint64_t max_pixels) {
  if (out->width == 0 || out->height == 0) {
    cimage_say(out->message, "the image has no pixels");
    return CIMAGE_CORRUPT;
  }
  if ((uint64_t)out->width * out->height > max_pixels) {
    snprintf(out->message, sizeof out->message, "%u x %u pixels; the limit is %llu pixels", out->width, out->height,
             (unsigned long long)max_pixels);
    return CIMAGE_TOO_LARGE;
  }
  out->samples = malloc((size_t)out->width * out->height * out->channels * (out->bits / 8));
  if (!out->samples) {
    cimage_say(out->message, "no memory for the pixels");
    return CIMAGE_MEMORY;
  }
  return CIMAGE_OK;
}

void cimage_release(cimage *image) {
  free(image->samples);
  image->samples = NULL;
}

void cimage_free(cimage_data *data) {
  free(data->bytes);
  data->bytes = NULL;
  data->count = 0;
}

int cimage_exif_orientation(const uint8_t *p, size_t n) {
  if (n < 8 || !((p[0] == 'M' && p[1] == 'M') || (p[0] == 'I' && p[1] == 'I'))) return 1;
  int big = p[0] == 'M';
#define U16(at) (big ? (p[at] << 8 | p[(at) + 1]) : (p[(at) + 1] << 8 | p[at]))
#define U32(at) \
  (big ? ((uint32_t)U16(at) << 16 | (uint32_t)U16((at) + 2)) : ((uint32_t)U16((at) + 2) << 16 | (uint32_t)U16(at)))
  size_t directory = U32(4);
  if (directory > n - 2) return 1;
  int entries = U16(directory);
  for (int i = 0; i < entries; i++) {
    size_t at = directory + 2 + (size_t)i * 12;
    if (at + 12 > n) return 1;
    if (U16(at) == 0x0112) {
      int value = U16(at + 8);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
#undef U16
#undef U32
}
