#include "arch/riscv64/core/plic.h"

#include "arch/irq.h"
#include "arch/space.h"
#include "ipc/bundle.h"
#include "kernel/cpu.h"

#define PLIC_PRIORITY(line) (4ull * (line))
#define PLIC_ENABLE(context) (0x2000ull + 0x80ull * (context))
#define PLIC_THRESHOLD(context) (0x200000ull + 0x1000ull * (context))
#define PLIC_CLAIM(context) (PLIC_THRESHOLD(context) + 4)

static uint64_t registers, context;

static volatile uint32_t *plic_register(uint64_t offset) {
    return arch_phys_to_virt(HPA(registers + offset));
}

void arch_irq_init(const struct bundle_header *bundle) {
    registers = bundle->controller[0];
    context = bundle->controller[1];
}

void arch_irq_enable(const struct irq *irq) {
    *plic_register(PLIC_PRIORITY(irq->line)) = 1;
    *plic_register(PLIC_THRESHOLD(context)) = 0;
    *plic_register(PLIC_ENABLE(context) + irq->line / 32 * 4ull) |= 1u << irq->line % 32;
}

void arch_irq_disable(const struct irq *irq) {
    // In this order: the controller ignores the completion of a line that is not enabled (PLIC
    // 1.0, chapter 9), and a line that stays claimed never fires again.
    arch_irq_complete(irq);
    *plic_register(PLIC_ENABLE(context) + irq->line / 32 * 4ull) &= ~(1u << irq->line % 32);
}

void arch_irq_complete(const struct irq *irq) { *plic_register(PLIC_CLAIM(context)) = irq->line; }

struct irq *plic_claim(struct cpu *cpu) {
    uint32_t line = *plic_register(PLIC_CLAIM(context));
    return line < IRQ_LINES ? cpu->irq[line] : NULL;
}
