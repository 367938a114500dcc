#ifndef CIMAGEIO_COMMON_H
#define CIMAGEIO_COMMON_H

#include "cimageio.h"

// Appends to out, doubling its capacity; 0 when there is no memory.
int cimage_append(cimage_data *out, size_t *capacity, const void *bytes, size_t count);
void cimage_say(char message[256], const char *text);
// Allocates out->samples for its size; checks the limit first. CIMAGE_OK or an error.
int cimage_allocate(cimage *out, uint64_t max_pixels);

// The orientation (1...8) in EXIF data that begin with the TIFF header; 1 when there is none or the data are damaged.
int cimage_exif_orientation(const uint8_t *exif, size_t count);

#endif
