#pragma once
// SHA-256 (FIPS 180-4) of whole blocks of 64 bytes with the processor's SHA instructions, of two streams side by side.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the instructions, and AVX; where it has not, the functions below must not be called.
bool digest_has_sha256(void);

/// Takes `blocks` blocks of 64 bytes into a digest's eight words.
void digest_sha256(uint32_t state[8], const uint8_t *bytes, size_t blocks);

/// The same for two digests at once. The rounds of one digest wait for each other, and a second one fills these waits:
/// 1.7 times the bytes of one after the other (Zen 3).
void digest_sha256_pair(uint32_t first[8], const uint8_t *first_bytes, uint32_t second[8], const uint8_t *second_bytes,
                        size_t blocks);
