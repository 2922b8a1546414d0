// The guest contract of the bench guest: what can be measured on this architecture.
//
// A value is the number of instructions that were executed outside the guest for one operation. It
// is only that when the machine counts executed instructions (QEMU with -icount shift=0), the
// hypervisor lets the guest read the counter, and the guest is never idle.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// The machine, from what the guest was started with (guest_main's second argument). NULL, with a
// line that says so, when that does not describe one. Called once.
const struct machine *bench_machine(const void *handed);

struct bench_operation {
    const char *name;
    // False when the machine lacks what it needs; `missing` then names that.
    bool (*measure)(const struct machine *machine, uint64_t *value, const char **missing);
};

// Written with guest/bench/measure.h, which has what is the same for all.
extern const struct bench_operation bench_operations[];
extern const unsigned bench_operation_count;

// Instructions that the machine has executed so far, from some moment before the guest began.
uint64_t bench_instructions(void);

// The number of the guest's first instruction, counted from the machine's reset; called before
// anything else.
uint64_t bench_first_instruction(void);
