// The guests' reader of device trees, with any bytes at all: nothing outside of them may be read,
// and it must come to an end.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/lib/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 8)
        return 0;
    // A copy of exactly this size, so that the sanitizer sees the first byte behind it.
    uint8_t *tree = malloc(size);
    if (tree == NULL)
        return 0;
    memcpy(tree, data, size);
    struct machine machine;
    char value[16];
    if (machine_tree_size(tree) <= size && machine_read(&machine, tree, size)) {
        struct machine_range range;
        machine_bootarg(&machine, "case", value, sizeof(value));
        machine_device(&machine, "google,goldfish-rtc", 1, &range);
        machine_device_text(&machine, "google,goldfish-rtc", "compatible");
    }
    free(tree);
    return 0;
}
