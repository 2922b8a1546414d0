#include "arch/space.h"

#include "arch/riscv64/core/boot.h"
#include "arch/riscv64/core/csr.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"

void arch_space_init(struct space *space) {
    if (space->kind == SPACE_TASK) {
        for (int i = 256; i < 512; i++) {
            space->root[i] = boot_tables[i];
        }
    }
    // The identifier may have been another space's before.
    asm volatile("sfence.vma zero, %0" ::"r"((uint64_t)space->id) : "memory");
}

void arch_space_fence(struct space *space, space_addr_t address) {
    if (space->kind == SPACE_TASK) {
        asm volatile("sfence.vma %0, %1" ::"r"(address.v), "r"((uint64_t)space->id) : "memory");
    } else {
        // By address (shifted, §8.5.3), for all VMIDs: each vCPU has its own.
        asm volatile("hfence.gvma %0" ::"r"(address.v >> 2) : "memory");
    }
}

void arch_space_end(struct space *space, struct cpu *cpu) {
    (void)cpu;
    // A CPU stays in the space of the task that ran last: if that is this one, it moves out.
    if ((csr_read(satp) << 20 >> 8) == arch_virt_to_phys(space->root).v) {
        csr_write(satp, boot_satp());
    }
    asm volatile("sfence.vma zero, %0" ::"r"((uint64_t)space->id) : "memory");
}
