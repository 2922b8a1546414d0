#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "servers/init/machine.h"

const char *const machine_arch = "riscv64";
const char *const machine_lacks_feature = "property `sstc`: this machine has no Sstc";
const char *const machine_reset_device = "sifive,test0";
const uint64_t machine_start_argument = 0; // the hart's number

// Registers 1 to 31; of a hypercall a0 to a7, and a0, a1 for its results.
#define ALL ~1u
#define ARGUMENTS (0xffu << 10)
#define RESULTS (3u << 10)

const struct machine_route machine_routes[EXIT_GUEST_CLASSES] = {
    [EXIT_HYPERCALL] = {REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE | REPLY_WRITE | REPLY_RAISE |
                            REPLY_CLEAR | REPLY_PARK | REPLY_STOP | REPLY_START | REPLY_FENCE,
                        RESULTS, ARGUMENTS},
    [EXIT_STAGE2] = {REPLY_WRITE | REPLY_ADVANCE | REPLY_MAP | REPLY_STOP | REPLY_INJECT, ALL, ALL},
    [EXIT_TIMER] = {REPLY_RAISE | REPLY_STOP, 0, 0},
    [EXIT_IDLE] = {REPLY_ADVANCE | REPLY_PARK | REPLY_STOP, 0, 0},
    [EXIT_SYSREG] = {REPLY_WRITE | REPLY_ADVANCE | REPLY_STOP | REPLY_INJECT, ALL, ALL},
    [EXIT_SHUTDOWN] = {REPLY_STOP, 0, 0},
};

// What the first CPU says. Copies: the tree itself need not stay in sight.
static void keep(char *to, size_t size, const void *value) {
    if (!to[0]) {
        snprintf(to, size, "%s", (const char *)value);
    }
}

void machine_arch_property(struct machine *machine, const char *name, const void *value, int size) {
    if (name[0] == 'r' && strcmp(name, "riscv,isa") == 0) {
        keep(machine->isa, sizeof(machine->isa), value);
    } else if (name[0] == 'm' && strcmp(name, "mmu-type") == 0) {
        keep(machine->mmu, sizeof(machine->mmu), value);
    } else if (name[0] == 't' && strcmp(name, "timebase-frequency") == 0 && size == 4) {
        machine->timebase = fdt32_ld(value);
    }
}

const char *machine_arch_finish(struct machine *machine) {
    keep(machine->mmu, sizeof(machine->mmu), "riscv,sv39");
    return machine->timebase && machine->isa[0] ? NULL
                                                : "/cpus/timebase-frequency or a CPU's riscv,isa";
}

const char *machine_arch_refuse(const struct manifest *manifest) {
    (void)manifest;
    return NULL;
}

// 0x5555 passes, a code over 0x3333 fails with it.
void machine_arch_end(volatile void *registers, unsigned status) {
    *(volatile uint32_t *)registers = status ? status << 16 | 0x3333 : 0x5555;
}
