// Points what the hardware follows by itself at nonsense, and then makes it follow. The hypervisor
// must stop this VM with a report; the last one must go on until it is ended from outside.
//   case=root (the default): the page table's root is above RAM
//   case=leaf:   the page table is good and maps the code to memory above RAM
//   case=vector: the table of traps is where no memory is
//   case=stack:  the stack, to which a trap pushes, is where no memory is
//   case=loop:   a trap's own first instruction traps, on a stack of its own
//   case=debug:  the same by a breakpoint, which ends in the hypervisor before it is the guest's
#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"

#define GIGABYTE (UINT64_C(1) << 30)
#define ABOVE (16 << 20)
#define NOWHERE UINT64_C(0x60000000)
#define GATE_INTERRUPT UINT64_C(0x8e)
#define BREAKPOINT_ENABLED UINT64_C(0x402) // DR7: the first one, when it is executed
#define OWN_STACK UINT64_C(1)              // of the task state segment's

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static void load_traps(uint64_t base) {
    const struct table_pointer traps = {UINT16_MAX, base};
    __asm__ volatile("lidt %0" ::"m"(traps));
}

static void trap(void) { __asm__ volatile("ud2"); }

static __attribute__((naked)) void traps_again(void) { __asm__ volatile("ud2"); }

// Its first instruction has a breakpoint.
static __attribute__((naked)) void breaks_again(void) { __asm__ volatile("nop\nud2"); }

static void set_breakpoint(void (*code)(void)) {
    __asm__ volatile("mov %0, %%db0\n"
                     "mov %1, %%db7\n" ::"r"(code),
                     "r"(BREAKPOINT_ENABLED));
}

static void trap_for_ever(unsigned vector, void (*again)(void)) {
    static uint64_t gates[VECTOR_EXCEPTIONS][2];
    const uint64_t code = (uint64_t)again;
    gates[vector][0] = (code & 0xffff) | SEGMENT_KERNEL_CODE << 16 | OWN_STACK << 32 |
                       GATE_INTERRUPT << 40 | (code >> 16 & 0xffff) << 48;
    gates[vector][1] = code >> 32;
    load_traps((uint64_t)gates);
    again();
}

static void follow(const struct machine *machine) {
    if (check_case(machine, "root", true)) {
        x86_write_cr(3, machine->memory.base + machine->memory.size + ABOVE);
    } else if (check_case(machine, "leaf", false)) {
        // The gigabyte that this code is in becomes the next one.
        entry_upper[0] = GIGABYTE | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
        x86_write_cr(3, x86_read_cr(3));
    } else if (check_case(machine, "vector", false)) {
        load_traps(NOWHERE);
        trap();
    } else if (check_case(machine, "stack", false)) {
        __asm__ volatile("mov %0, %%rsp\n"
                         "ud2\n" ::"r"(NOWHERE));
    } else if (check_case(machine, "loop", false)) {
        trap_for_ever(VECTOR_UNDEFINED, traps_again);
    } else if (check_case(machine, "debug", false)) {
        set_breakpoint(breaks_again);
        trap_for_ever(VECTOR_DEBUG, breaks_again);
    }
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    print("bad_tables: begins\n");
    follow(bare_machine());
    print("FAILED: the nonsense was not followed\n");
    return false;
}
