// How an operation is measured, as far as that is the same for every architecture.
//
// The counter counts what the whole machine executes, so the difference of two readings in the
// guest is the guest's own instructions plus everything outside. The guest's own are known by
// running the same loop without the exit.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// A loop of ROUNDS rounds around one operation, in the architecture's instructions, with ARGUMENT
// in the registers that the operation needs. Returns the instructions executed meanwhile, by the
// guest and outside.
#define MEASURE_ARGUMENTS 3
typedef uint64_t measure_loop(uint64_t rounds, const uint64_t argument[MEASURE_ARGUMENTS]);

// What one operation of WITH takes outside: WITHOUT is the same loop, with as many instructions
// that are counted in the guest but without the exit.
uint64_t measure_exit(measure_loop *with, measure_loop *without,
                      const uint64_t argument[MEASURE_ARGUMENTS]);

// The same for an access to the register at OFFSET of the device that calls itself COMPATIBLE, its
// address the first argument. False when the machine has none.
bool measure_device(const struct machine *machine, const char *compatible, uint64_t offset,
                    measure_loop *access, measure_loop *nothing, uint64_t *value);

// The median of many times: the host's own tick falls into some. ONCE is false when a time was
// none; so is the result when that was so of half of them.
bool measure_often(bool (*once)(uint64_t *outside), uint64_t *value);

// The machine that a device tree describes (bench_machine, guest/bench.h).
const struct machine *measure_machine(const void *tree);

// The first load from a page of memory. False when the guest has no untouched memory: 4 MiB above
// the first 8 MiB, which the manifest populates on demand by 4 KiB pages.
bool measure_first_touch(const struct machine *machine, uint64_t *value);
