#include "arch/irq.h"

#include "arch/fake/core/machine.h"
#include "arch/panic.h"

bool arch_irq_fits(uint64_t size, uint64_t context) {
    return context < MACHINE_CONTEXTS && size >= (context + 1) * MACHINE_CONTROLLER_BYTES;
}

static struct machine_line *machine_line(const struct irq *irq) {
    machine_require(irq->line < IRQ_LINES && irq->context < MACHINE_CONTEXTS,
                    "a line that the controller does not have");
    machine_require((irq->controller.v & PAGE_MASK) == 0, "registers at a crooked address");
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
