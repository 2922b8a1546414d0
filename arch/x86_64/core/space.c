#include "arch/space.h"

#include "arch/x86_64/core/boot.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/svm.h"
#include "kernel/object/space.h"

// The hardware's root: the page behind the one that the generic walk begins with.
static uint64_t *space_top(const struct space *space) { return space->root + 512; }

void arch_space_init(struct space *space) {
    uint64_t *top = space_top(space);
    top[0] = arch_pte_make_table(arch_virt_to_phys(space->root));
    if (space->kind == SPACE_TASK) {
        for (int i = 256; i < 512; i++) {
            top[i] = boot_tables[i];
        }
    }
}

void arch_space_fence(struct space *space, space_addr_t address) {
    if (space->kind != SPACE_TASK) {
        svm_forget();
        boot_cpu.ready = &boot_cpu.core;
    } else if (cpu_read(cr3) == arch_virt_to_phys(space_top(space)).v) {
        asm volatile("invlpg (%0)" ::"r"(address.v) : "memory");
    } // else there is nothing of it in the TLB: a write of CR3 leaves only what is global
}

void arch_space_end(struct space *space, struct cpu *cpu) {
    (void)cpu;
    // A CPU stays in the space of the task that ran last: if that is this one, it moves out.
    if (cpu_read(cr3) == arch_virt_to_phys(space_top(space)).v) {
        cpu_write(cr3, boot_physical(boot_tables));
    }
    if (space->kind != SPACE_TASK) {
        svm_forget();
    }
}
