// The interrupt controller, a GICv3, as far as one private interrupt of one CPU needs it.
#pragma once

#include <stdbool.h>

#define GIC_NONE 1023

// `distributor` and `redistributors` are the registers of each; of the second so many bytes are
// mapped. Lets the private interrupt (16 to 31) reach this CPU. False when none of the
// redistributors there is this CPU's.
bool gic_init(volatile void *distributor, volatile void *redistributors, unsigned long size,
              unsigned interrupt);

// The interrupt that is to be handled now, GIC_NONE if there is none.
unsigned gic_claim(void);

// It was handled.
void gic_end(unsigned interrupt);
