// Touches all of RAM, a word in every 64 bytes, again and again: some hundred thousand distinct
// addresses in the default VMs, two million where there are 128 MB. What was written must be read
// back.
#include <stddef.h>

#include "tests/system/guests/check.h"

#define STRIDE 64
#define PASSES 4

extern char image_start[], image_end[];

static uint64_t behind(uint64_t at, uint64_t base, uint64_t end) {
    return at >= base && at < end ? (end + STRIDE - 1) & ~(uint64_t)(STRIDE - 1) : at;
}

// The next address that is free to be written, at or after `at`.
static uint64_t skip(const struct machine *machine, uint64_t at) {
    at = behind(at, (uint64_t)image_start, (uint64_t)image_end);
    at = behind(at, (uint64_t)machine->tree, (uint64_t)machine->tree + machine->tree_size);
    for (unsigned i = 0; i < machine->reserved_count; i++) {
        const struct machine_range *range = &machine->reserved[i];
        at = behind(at, range->base, range->base + range->size);
    }
    return at;
}

static uint64_t pattern(uint64_t at, unsigned pass) {
    return (at ^ pass) * UINT64_C(0x9e3779b97f4a7c15);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    const uint64_t start = machine->memory.base;
    const uint64_t end = machine->memory.base + machine->memory.size;
    uint64_t touched = 0, wrong = 0;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        for (uint64_t at = skip(machine, start); at < end;
             at = skip(machine, at + STRIDE), touched++)
            *(volatile uint64_t *)at = pattern(at, pass);
        for (uint64_t at = skip(machine, start); at < end; at = skip(machine, at + STRIDE))
            wrong += *(volatile uint64_t *)at != pattern(at, pass);
    }
    check(touched > 0, "there is no memory to touch");
    check(wrong == 0, "%lu words did not come back", wrong);
    print("touch_many: %lu addresses, %u times each\n", touched / PASSES, PASSES);
    return check_end("touch_many");
}
