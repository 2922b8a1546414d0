// What is an architecture's own in init: what it takes from the machine's device tree beside memory
// and the UART, and how it turns the machine off. One file implements it for each, chosen by the
// build: machine_riscv64.c, ...
#pragma once

#include "servers/init/init.h"

// What manifests call the architecture.
extern const char *const machine_arch;

// What it means that the core refuses the features of a vCPU: what the machine lacks.
extern const char *const machine_lacks_feature;

// A property of any node of the tree, SIZE bytes at VALUE; but for those that init itself looks
// for.
void machine_arch_property(struct machine *machine, const char *name, const void *value, int size);

// The tree has been read. NULL, or what it lacks.
const char *machine_arch_finish(struct machine *machine);

// Checks what the manifest says of the machine against what the machine says of itself. NULL, or
// what is wrong, after "manifest refused: ".
const char *machine_arch_refuse(const struct manifest *manifest);

// What answers to the exits of each class may do: the most that any server needs, decided here and
// enforced by the core. Masks of general registers, by their numbers.
struct machine_route {
    uint32_t may; // enum reply_flag
    uint32_t write;
    uint32_t read;
};
extern const struct machine_route machine_routes[EXIT_GUEST_CLASSES];

// The device that turns the machine off, by its `compatible`; NULL: the core does it when init
// ends.
extern const char *const machine_reset_device;

// What a guest starts with beside the place of its device tree, or of what it has instead.
extern const uint64_t machine_start_argument;

// Turns the machine off by that device's registers, which are mapped at REGISTERS. STATUS: 0 or 1.
void machine_arch_end(volatile void *registers, unsigned status);
