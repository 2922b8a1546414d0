// The interrupt controller, as far as the core needs it: enable a line, take it, finish it.
#pragma once

#include "kernel/object/irq.h"

// True when a controller of SIZE bytes of registers has CONTEXT.
bool arch_irq_fits(uint64_t size, uint64_t context);

void arch_irq_enable(const struct irq *irq);
void arch_irq_disable(const struct irq *irq);

// The line, which was taken, may fire again.
void arch_irq_complete(const struct irq *irq);
