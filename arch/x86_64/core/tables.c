#include "arch/x86_64/core/tables.h"

#include "kernel/types.h"

#define GATE_INTERRUPT 0x8eull     // present, an interrupt gate: interrupts are off in it
#define GATE_FOR_TASKS (3ull << 5) // which an instruction of theirs may use
#define VECTORS 256
#define BREAKPOINT 3
#define EMERGENCY_IST 1 // what comes whatever the core is doing has a stack of its own

// Null, the core's code and data, an unused one, a task's data and code, the TSS (two).
static uint64_t gdt[] = {
    0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0, 0x00cff3000000ffff, 0x00affb000000ffff, 0, 0};

// A gate has two halves, the low one first.
static uint64_t idt[VECTORS][2];

struct task_state_segment tables_tss;

static _Alignas(16) char emergency_stack[PAGE_SIZE];

// In vector.S: where each vector leads, in steps of the same length.
extern char vector_stubs[], vector_stubs_end[];

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    const void *base;
};

static void gate_make(unsigned vector, unsigned ist) {
    uint64_t step = (uint64_t)(vector_stubs_end - vector_stubs) / VECTORS;
    uint64_t at = (uint64_t)vector_stubs + vector * step;
    uint64_t type = GATE_INTERRUPT | (vector == BREAKPOINT ? GATE_FOR_TASKS : 0);
    idt[vector][0] = (at & 0xffff) | (uint64_t)TABLES_CORE_CODE << 16 | (uint64_t)ist << 32 |
                     type << 40 | (at >> 16 & 0xffff) << 48;
    idt[vector][1] = at >> 32;
}

void tables_load(void) {
    uint64_t tss = (uint64_t)&tables_tss;
    tables_tss.ist[EMERGENCY_IST - 1] = (uint64_t)(emergency_stack + sizeof(emergency_stack));
    tables_tss.io_map = sizeof(tables_tss);
    // An available 64-bit TSS (type 9), in two entries.
    gdt[TABLES_TSS / 8] = (sizeof(tables_tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
                          (tss >> 24 & 0xff) << 56;
    gdt[TABLES_TSS / 8 + 1] = tss >> 32;
    for (unsigned i = 0; i < VECTORS; i++) {
        // Not maskable, double fault, machine check.
        gate_make(i, i == 2 || i == 8 || i == 18 ? EMERGENCY_IST : 0);
    }
    const struct table_pointer gdtr = {sizeof(gdt) - 1, gdt}, idtr = {sizeof(idt) - 1, idt};
    asm volatile("lgdt %0\n lidt %1\n ltr %2" ::"m"(gdtr), "m"(idtr), "r"((uint16_t)TABLES_TSS)
                 : "memory");
    // From the table of start.S to this one: the same selectors, but for what the CPU has kept.
    asm volatile(
        "pushq %0\n leaq 1f(%%rip), %%rax\n pushq %%rax\n lretq\n 1:" ::"i"(TABLES_CORE_CODE)
        : "rax", "memory");
}
