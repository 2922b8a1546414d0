// The interrupt controller, as far as the core needs it: enable a line, take it, finish it.
#pragma once

#include "kernel/object/irq.h"

struct bundle_header;

// There will be lines to enable: the controller is what BUNDLE says (ipc/bundle.h).
void arch_irq_init(const struct bundle_header *bundle);

void arch_irq_enable(const struct irq *irq);
void arch_irq_disable(const struct irq *irq);

// The line, which was taken, may fire again.
void arch_irq_complete(const struct irq *irq);
