#include "arch/fake/core/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/time.h"
#include "ipc/message.h"

struct machine machine;

void machine_reset(uint64_t size, struct cpu *cpu) {
    if (machine.memory_size != size) {
        machine_free();
        // Its own allocation, so that AddressSanitizer guards both of its ends.
        machine.memory = aligned_alloc(1 << 16, size);
        machine_require(machine.memory, "no memory");
    }
    memset(cpu, 0, sizeof(*cpu));
    machine = (struct machine){
        .memory = machine.memory,
        .memory_size = size,
        .cpu = cpu,
        .fast = true,
        .timer = DEADLINE_NEVER,
    };
    cpu->core.kind = CONTEXT_CORE;
    cpu->core.cpu = cpu;
}

void machine_free(void) {
    free(machine.memory);
    machine.memory = NULL;
    machine.memory_size = 0;
}

void arch_panic(const char *message, unsigned long value) {
    fprintf(stderr, "EXEUNT CORE PANIC: %s 0x%lx\n", message, value);
    abort();
}

void arch_machine_end(bool failed) { machine.end = failed ? MACHINE_FAILED : MACHINE_OFF; }

void *arch_phys_to_virt(hpa_t hpa) {
    machine_require(hpa.v >= MACHINE_MEMORY_BASE &&
                        hpa.v - MACHINE_MEMORY_BASE < machine.memory_size,
                    "the core touches memory that is not there");
    return machine.memory + (hpa.v - MACHINE_MEMORY_BASE);
}

hpa_t arch_virt_to_phys(const void *address) {
    uint64_t offset = (uint64_t)((const char *)address - machine.memory);
    machine_require(offset < machine.memory_size, "an address outside of the machine's memory");
    return HPA(MACHINE_MEMORY_BASE + offset);
}

uint64_t arch_now(void) { return machine.now; }

uint64_t arch_instructions(void) { return machine.instructions; }

void arch_timer_set(uint64_t deadline) {
    machine.timer = deadline;
    machine.timer_sets++;
}
