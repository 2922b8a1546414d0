#include "arch/irq.h"

#include "arch/fake/core/machine.h"
#include "arch/panic.h"

void arch_irq_init(const struct bundle_header *bundle) { (void)bundle; }

static struct machine_line *machine_line(const struct irq *irq) {
    machine_require(irq->line < IRQ_LINES, "a line that the controller does not have");
    return &machine.line[irq->line];
}

void arch_irq_enable(const struct irq *irq) { machine_line(irq)->enabled = true; }

void arch_irq_disable(const struct irq *irq) {
    struct machine_line *line = machine_line(irq);
    line->taken = false;
    line->enabled = false;
}

void arch_irq_complete(const struct irq *irq) {
    struct machine_line *line = machine_line(irq);
    line->taken = false;
    line->completed++;
}
