#include "arch/space.h"

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"

void arch_space_init(struct space *space) {
    for (unsigned i = 0; i < 2 * 512; i++) {
        machine_require(space->root[i] == 0, "a new space's root is not empty");
    }
}

void arch_space_fence(struct space *space, space_addr_t address) {
    machine.space_fences++;
    machine.fenced_space = space;
    machine.fenced_address = address.v;
}

void arch_space_end(struct space *space, struct cpu *cpu) {
    machine_require(!cpu->loaded || cpu->loaded->space != space,
                    "a space ends that a loaded vCPU is in");
    if (machine.root == arch_virt_to_phys(space->root).v) {
        machine.root = 0; // the core's own
    }
    if (machine.guest_memory == space) {
        machine.guest_memory = NULL;
    }
}
