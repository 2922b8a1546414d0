// The platform-level interrupt controller (PLIC specification 1.0).
#pragma once

#include "kernel/object/irq.h"

// Takes the highest pending line of this CPU; NULL when there is none, or none that is known.
struct irq *plic_claim(struct cpu *cpu);
