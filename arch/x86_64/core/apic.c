#include "arch/x86_64/core/apic.h"

#include "arch/irq.h"
#include "arch/space.h"
#include "arch/x86_64/core/cpu.h"
#include "ipc/bundle.h"
#include "kernel/cpu.h"

#define LOCAL_EOI 0x0b0u
#define LOCAL_SPURIOUS 0x0f0u
#define LOCAL_TIMER 0x320u
#define LOCAL_LINT0 0x350u
#define LOCAL_LINT1 0x360u
#define LOCAL_COUNT 0x380u
#define LOCAL_LEFT 0x390u
#define LOCAL_DIVIDE 0x3e0u
#define LOCAL_ENABLE 0x100u
#define LOCAL_MASKED (1u << 16)
#define DIVIDE_BY_ONE 0xbu

#define BASE_ENABLE (1ull << 11)
#define BASE_X2APIC (1ull << 10)

// The two controllers of old PCs: their masks.
#define PIC_MASK_FIRST 0x21u
#define PIC_MASK_SECOND 0xa1u

// The I/O APIC: an index, and the register that it names. Each line has two.
#define IO_WINDOW 0x10u
#define IO_LINE(line) (0x10u + 2 * (line))
#define IO_MASKED (1u << 16)
#define IO_LEVEL_LOW (1u << 15 | 1u << 13)
#define IO_EDGE_LINES 16u // those of the ISA bus; PCI's, behind them, are level-triggered

static volatile uint32_t *local, *io;

static void local_write(uint32_t offset, uint32_t value) { local[offset / 4] = value; }

void apic_init(void) {
    cpu_out8(PIC_MASK_FIRST, 0xff);
    cpu_out8(PIC_MASK_SECOND, 0xff);
    uint64_t base = cpu_msr_read(MSR_APIC_BASE);
    if (base & BASE_X2APIC) { // firmware's; the way back is by off (Intel SDM 3, 10.12.5)
        base &= ~(BASE_ENABLE | BASE_X2APIC);
        cpu_msr_write(MSR_APIC_BASE, base);
    }
    cpu_msr_write(MSR_APIC_BASE, base | BASE_ENABLE);
    local = arch_phys_to_virt(HPA(base & PTE_ADDRESS));
    local_write(LOCAL_LINT0, LOCAL_MASKED);
    local_write(LOCAL_LINT1, LOCAL_MASKED);
    local_write(LOCAL_DIVIDE, DIVIDE_BY_ONE);
    local_write(LOCAL_TIMER, APIC_TIMER);
    local_write(LOCAL_SPURIOUS, LOCAL_ENABLE | APIC_SPURIOUS);
}

void apic_end(void) { local_write(LOCAL_EOI, 0); }

uint32_t apic_timer_left(void) { return local[LOCAL_LEFT / 4]; }

void apic_timer_set(uint32_t count) { local_write(LOCAL_COUNT, count); }

static void line_write(const struct irq *irq, unsigned half, uint32_t value) {
    io[0] = IO_LINE(irq->line) + half;
    io[IO_WINDOW / 4] = value;
}

static uint32_t line_value(const struct irq *irq) {
    return (APIC_LINES + irq->line) | (irq->line < IO_EDGE_LINES ? 0 : IO_LEVEL_LOW);
}

// A line's number is its input of the I/O APIC, which ignores those that it has not.
void arch_irq_init(const struct bundle_header *bundle) {
    io = arch_phys_to_virt(HPA(bundle->controller[0]));
}

void arch_irq_enable(const struct irq *irq) {
    line_write(irq, 1, 0); // to the boot CPU, whose number is 0
    line_write(irq, 0, line_value(irq));
}

// Taken, a line is masked until its record is answered: so a level is quiet meanwhile.
void arch_irq_disable(const struct irq *irq) { line_write(irq, 0, line_value(irq) | IO_MASKED); }

void arch_irq_complete(const struct irq *irq) { arch_irq_enable(irq); }
