#include "kernel/object/irq.h"

#include "arch/irq.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"

void irq_init(struct irq *irq, struct cpu *cpu, uint32_t line) {
    irq->record.owner = RECORD_IRQ;
    irq->record.info = MESSAGE_INFO(EXIT_IRQ, 0, 0);
    irq->record.word[0] = line;
    irq->cpu = cpu;
    irq->line = line;
    cpu->irq[line] = irq;
}

void irq_bind(struct irq *irq, struct portal *portal, uint64_t badge) {
    irq->route = portal;
    irq->record.badge = badge;
    arch_irq_enable(irq);
}

void irq_fire(struct irq *irq) {
    if (!irq->route || irq->record.portal) {
        arch_irq_disable(irq); // nobody is bound, or the controller does not keep its word
        return;
    }
    irq->record.seq++;
    portal_post(irq->route, &irq->record);
}
