#include "servers/init/machine.h"

const char *const machine_arch = "aarch64";
const char *const machine_lacks_feature = "property `counters`: this machine has none for guests";
const char *const machine_reset_device = NULL; // PSCI, which is called at EL2
const uint64_t machine_start_argument = 0;

// x0 to x30; of a hypercall x0 to x7, and x0 to x3 for its results (SMCCC 1.1, DEN0028).
#define ALL 0x7fffffffu
#define ARGUMENTS 0xffu
#define RESULTS 0xfu

// Whoever plays the interrupt controller raises interrupts by a right on the vCPUs (config.c), not
// by answers.
const struct machine_route machine_routes[EXIT_GUEST_CLASSES] = {
    [EXIT_HYPERCALL] = {REPLY_RESULT | REPLY_ADVANCE | REPLY_WRITE | REPLY_PARK | REPLY_STOP |
                            REPLY_START,
                        RESULTS, ARGUMENTS},
    [EXIT_STAGE2] = {REPLY_WRITE | REPLY_WRITE_SECOND | REPLY_ADVANCE | REPLY_MAP | REPLY_STOP |
                         REPLY_INJECT,
                     ALL, ALL},
    [EXIT_TIMER] = {REPLY_RAISE | REPLY_STOP, 0, 0},
    [EXIT_IDLE] = {REPLY_ADVANCE | REPLY_PARK | REPLY_STOP, 0, 0},
    [EXIT_SYSREG] = {REPLY_WRITE | REPLY_ADVANCE | REPLY_STOP | REPLY_INJECT, ALL, ALL},
    [EXIT_WINDOW] = {REPLY_STOP, 0, 0},
    [EXIT_SHUTDOWN] = {REPLY_STOP, 0, 0},
};

void machine_arch_property(struct machine *machine, const char *name, const void *value, int size) {
    (void)machine, (void)name, (void)value, (void)size;
}

// How fast the generic timer counts the CPU itself says (Arm ARM, D17.11.1).
const char *machine_arch_finish(struct machine *machine) {
    __asm__("mrs %0, cntfrq_el0" : "=r"(machine->timebase));
    return machine->timebase ? NULL : "nothing, but the firmware has not set CNTFRQ_EL0";
}

const char *machine_arch_refuse(const struct manifest *manifest) {
    (void)manifest;
    return NULL;
}

void machine_arch_end(volatile void *registers, unsigned status) { (void)registers, (void)status; }
