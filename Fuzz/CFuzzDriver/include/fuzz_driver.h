#pragma once
#include <stddef.h>
#include <stdint.h>
// libFuzzer's own driver: calls `one` with inputs until it is told to stop.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *bytes, size_t count));
