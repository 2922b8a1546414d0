#include "arch/x86_64/guest/apic.h"

#include <stddef.h>

#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"

// Offsets in memory; as MSRs they lie 16 times closer.
#define APIC_PRIORITY 0x080
#define APIC_END 0x0b0
#define APIC_SPURIOUS 0x0f0
#define APIC_COMMAND 0x300
#define APIC_COMMAND_HIGH 0x310
#define APIC_TIMER 0x320
#define APIC_INITIAL_COUNT 0x380
#define APIC_CURRENT_COUNT 0x390
#define APIC_DIVIDER 0x3e0

#define BASE_X2APIC (UINT64_C(1) << 10)
#define BASE_ENABLED (UINT64_C(1) << 11)
#define BASE_ADDRESS UINT64_C(0x000ffffffffff000)
#define SPURIOUS_ENABLED (1u << 8)
#define TIMER_DEADLINE (2u << 17)
#define DIVIDER_1 0xb

static volatile uint8_t *registers; // NULL: they are MSRs
static bool takes_deadlines;

static void write(unsigned offset, uint32_t value) {
    if (registers == NULL)
        x86_write_msr(MSR_X2APIC + offset / 16, value);
    else
        *(volatile uint32_t *)(registers + offset) = value;
}

static uint32_t read(unsigned offset) {
    if (registers == NULL)
        return (uint32_t)x86_read_msr(MSR_X2APIC + offset / 16);
    return *(volatile uint32_t *)(registers + offset);
}

void apic_use_memory(volatile void *(*map)(struct phys at, uint64_t size)) {
    registers = map((struct phys){x86_read_msr(MSR_APIC_BASE) & BASE_ADDRESS}, PAGE_SIZE);
}

// As a PC's firmware leaves it, the old interrupt controller comes through the LAPIC; it is masked
// in platform.c.
void apic_init(volatile void *(*map)(struct phys at, uint64_t size)) {
    const uint32_t has = x86_cpuid(CPUID_FEATURES).c;
    const uint64_t base = x86_read_msr(MSR_APIC_BASE) | BASE_ENABLED;
    if (has & CPUID_FEATURES_C_X2APIC) {
        x86_write_msr(MSR_APIC_BASE, base); // not both in one step (16.9.1)
        x86_write_msr(MSR_APIC_BASE, base | BASE_X2APIC);
    } else {
        x86_write_msr(MSR_APIC_BASE, base);
        registers = map((struct phys){base & BASE_ADDRESS}, PAGE_SIZE);
    }
    takes_deadlines = (has & CPUID_FEATURES_C_TSC_DEADLINE) != 0;
    write(APIC_PRIORITY, 0);
    write(APIC_SPURIOUS, SPURIOUS_ENABLED | VECTOR_SPURIOUS);
    write(APIC_DIVIDER, DIVIDER_1);
    write(APIC_TIMER, VECTOR_TIMER | (takes_deadlines ? TIMER_DEADLINE : 0));
    // Where the registers are memory, that must be done before a deadline can be set.
    __asm__ volatile("mfence" ::: "memory");
}

void apic_send(uint32_t cpu, uint32_t command) {
    if (registers == NULL) {
        x86_write_msr(MSR_X2APIC + APIC_COMMAND / 16, (uint64_t)cpu << 32 | command);
        return;
    }
    write(APIC_COMMAND_HIGH, cpu << 24);
    write(APIC_COMMAND, command);
}

void apic_end(void) { write(APIC_END, 0); }

bool apic_takes_deadlines(void) { return takes_deadlines; }

void apic_set_deadline(uint64_t time_stamp) { x86_write_msr(MSR_TSC_DEADLINE, time_stamp); }

void apic_set_count(uint32_t count) { write(APIC_INITIAL_COUNT, count); }

uint32_t apic_count(void) { return read(APIC_CURRENT_COUNT); }
