#include "arch/riscv64/core/plic.h"

#include "arch/irq.h"
#include "arch/space.h"
#include "kernel/cpu.h"

#define PLIC_PRIORITY(line) (4ull * (line))
#define PLIC_ENABLE(context) (0x2000ull + 0x80ull * (context))
#define PLIC_THRESHOLD(context) (0x200000ull + 0x1000ull * (context))
#define PLIC_CLAIM(context) (PLIC_THRESHOLD(context) + 4)

static volatile uint32_t *plic_register(const struct irq *irq, uint64_t offset) {
    return arch_phys_to_virt(HPA(irq->controller.v + offset));
}

bool arch_irq_fits(uint64_t size, uint64_t context) {
    return context < 15872 && PLIC_CLAIM(context) + 4 <= size;
}

void arch_irq_enable(const struct irq *irq) {
    *plic_register(irq, PLIC_PRIORITY(irq->line)) = 1;
    *plic_register(irq, PLIC_THRESHOLD(irq->context)) = 0;
    *plic_register(irq, PLIC_ENABLE(irq->context) + irq->line / 32 * 4ull) |= 1u << irq->line % 32;
}

void arch_irq_disable(const struct irq *irq) {
    // In this order: the controller ignores the completion of a line that is not enabled (PLIC
    // 1.0, chapter 9), and a line that stays claimed never fires again.
    arch_irq_complete(irq);
    *plic_register(irq, PLIC_ENABLE(irq->context) + irq->line / 32 * 4ull) &=
        ~(1u << irq->line % 32);
}

void arch_irq_complete(const struct irq *irq) {
    *plic_register(irq, PLIC_CLAIM(irq->context)) = irq->line;
}

struct irq *plic_claim(struct cpu *cpu) {
    // All lines of this CPU hang on one controller: any of them leads to its claim register.
    for (unsigned i = 0; i < IRQ_LINES; i++) {
        if (cpu->irq[i]) {
            uint32_t line = *plic_register(cpu->irq[i], PLIC_CLAIM(cpu->irq[i]->context));
            return line < IRQ_LINES ? cpu->irq[line] : NULL;
        }
    }
    return NULL;
}
