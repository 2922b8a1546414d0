#include "arch/space.h"

#include "arch/aarch64/core/boot.h"
#include "arch/aarch64/core/sysreg.h"
#include "kernel/object/space.h"

// The regime of the core and of tasks (E2), all ASIDs.
static void forget_tasks(void) {
    asm volatile("dsb ishst\n tlbi alle2is\n dsb ish\n isb" ::: "memory");
}

void arch_space_init(struct space *space) {
    // The identifier may have been another space's before.
    if (space->kind == SPACE_TASK) {
        forget_tasks();
    }
}

// Of guests, both stages and all VMIDs: what stage 1 made of stage 2's entries goes, too.
void arch_space_fence(struct space *space, space_addr_t address) {
    uint64_t operand = (uint64_t)space->id << 48 | (address.v >> 12 & ((1ull << 44) - 1));
    if (space->kind == SPACE_TASK) {
        asm volatile("dsb ishst\n tlbi vae2is, %0\n dsb ish\n isb" ::"r"(operand) : "memory");
    } else {
        asm volatile("dsb ishst\n tlbi alle1is\n dsb ish\n isb" ::: "memory");
    }
}

void arch_space_end(struct space *space, struct cpu *cpu) {
    (void)cpu;
    // A CPU stays in the space of the task that ran last: if that is this one, it moves out.
    if ((sysreg_read(ttbr0_el2) & PTE_ADDRESS) == arch_virt_to_phys(space->root).v) {
        sysreg_write(ttbr0_el2, boot_no_space());
        sysreg_sync();
    }
    forget_tasks();
}
