// The guest contract, names and places that differ by architecture and machine.
#pragma once

#include "guest/lib/machine.h"
#include "guest/mmu.h"

struct platform {
    const char *arch;
    const char *name;
    struct phys pflash; // the bank whose image begins with `pfld`
    uint64_t pflash_size;
    uint16_t elf_machine; // e_machine of programs
};
extern const struct platform platform;

// Reads what the machine is from what gkernel_main() was given. Returns NULL, or in words what is
// wrong with it.
const char *platform_describe(struct machine *machine, struct phys description, machine_show *show);

// Finds the devices that the architecture's part of the kernel drives: the console where firmware
// has none, the interrupt controller, the clocks. Starts them. `map` gives the kernel a device's
// registers. Returns NULL, or in words what is missing.
const char *platform_init(const struct machine *machine,
                          volatile void *(*map)(struct phys at, uint64_t size));

// The kernel's image, whole pages, in the linear map; set by the linker script.
extern char image_start[], image_end[];

// Where the boot code goes on: paging is on, interrupts are off, the stack is the boot stack.
// `description` is what the loader has left: a device tree, or the architecture's own.
_Noreturn void gkernel_main(uint64_t cpu, struct phys description);
