// The interrupt controller, a GICv3 or a GICv2, as far as one private interrupt of one CPU needs
// it.
#pragma once

#include <stdbool.h>

#include "guest/lib/machine.h"

#define GIC_NONE 1023

struct gic {
    const char *compatible;           // as the device tree calls it
    struct machine_range distributor; // its registers,
    struct machine_range cpus;        // and those of the redistributors or the CPU interface
};

// Finds the one that MACHINE has, and which all below are about. False: none that is known.
bool gic_find(const struct machine *machine, struct gic *found);

// `distributor` and `cpus` are where the registers are mapped, of the second so many bytes. Lets
// the private interrupt (16 to 31) reach this CPU. False when none of the redistributors there is
// this CPU's.
bool gic_init(volatile void *distributor, volatile void *cpus, unsigned long size,
              unsigned interrupt);

// The interrupt that is to be handled now, GIC_NONE if there is none.
unsigned gic_claim(void);

// It was handled.
void gic_end(unsigned interrupt);
