// Turns a second CPU on and off by PSCI (Arm DEN 0022, §5.5 to §5.7), by both widths of each call,
// and looks at what it begins with (§6.4). Needs a machine with two CPUs.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/second.h"
#include "tests/system/guests/check.h"

#define CPU_OFF 0x84000002u
#define CPU_ON 0x84000003u
#define AFFINITY_INFO 0x84000004u
#define WIDE 0x40000000u

#define ALREADY_ON (-4)

enum { AFFINITY_ON, AFFINITY_OFF };

#define PATIENCE_S 20

static volatile bool runs, to_end;
static volatile uint64_t got_context, got_affinity, got_control, got_level, got_masked;

// Where CPUs take turns on one of the host's.
static void let_others_run(void) { __asm__ volatile("yield" ::: "memory"); }

static int32_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c) {
    return (int32_t)firmware_call(function, a, b, c);
}

static _Noreturn void second_main(uint64_t context) {
    got_context = context;
    got_affinity = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
    got_control = sysreg_read(sctlr_el1);
    got_level = sysreg_read(CurrentEL) >> 2;
    got_masked = sysreg_read(daif);
    __atomic_store_n(&runs, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&to_end, __ATOMIC_ACQUIRE)) {
        let_others_run();
    }
    const int32_t error = psci(CPU_OFF, 0, 0, 0);
    // One that goes on shows as one that is never off, and by this.
    got_context = (uint64_t)error;
    for (;;) {
    }
}

static bool is_running(uint32_t width, uint64_t cpu) {
    (void)width, (void)cpu;
    return __atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

static bool is_off(uint32_t width, uint64_t cpu) {
    return psci(AFFINITY_INFO | width, cpu, 0, 0) == AFFINITY_OFF;
}

static bool wait(bool (*until)(uint32_t width, uint64_t cpu), uint32_t width, uint64_t cpu) {
    const uint64_t end = sysreg_read(cntvct_el0) + PATIENCE_S * sysreg_read(cntfrq_el0);
    while (!until(width, cpu)) {
        if (sysreg_read(cntvct_el0) > end) {
            return false;
        }
        let_others_run();
    }
    return true;
}

static void life(uint32_t width, uint64_t cpu, uint64_t context) {
    const uint64_t entry = second_entry(second_main);
    runs = to_end = false;
    int32_t answer = psci(AFFINITY_INFO | width, cpu, 0, 0);
    check(answer == AFFINITY_OFF, "CPU 0x%lx is not off at first: %d", cpu, answer);
    answer = psci(CPU_ON | width, cpu, entry, context);
    check(answer == 0, "CPU_ON: %d", answer);
    check(wait(is_running, width, cpu), "CPU 0x%lx did not begin", cpu);
    answer = psci(AFFINITY_INFO | width, cpu, 0, 0);
    check(answer == AFFINITY_ON, "it runs but is not on: %d", answer);
    answer = psci(CPU_ON | width, cpu, entry, 1);
    check(answer == ALREADY_ON, "CPU_ON while it runs: %d", answer);
    check(got_context == context && got_affinity == cpu, "it began with x0 0x%lx, affinity 0x%lx",
          got_context, got_affinity);
    check((got_control & (SCTLR_M | SCTLR_C)) == 0, "it began with SCTLR_EL1 0x%lx", got_control);
    check(got_level == 1 && got_masked == SPSR_ALL_MASKED, "it began at EL%lu, DAIF 0x%lx",
          got_level, got_masked);
    __atomic_store_n(&to_end, true, __ATOMIC_RELEASE);
    check(wait(is_off, width, cpu), "CPU 0x%lx did not go off", cpu);
    check(got_context == context, "CPU_OFF returned 0x%lx", got_context);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    if (machine->cpus < 2) {
        print("multi_cpu: SKIPPED, the machine has one CPU\n");
        return true;
    }
    const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
    for (uint64_t i = 1; i < 4; i++) {
        life(0, other, 0x80001234 + i); // half a register
        life(WIDE, other, i << 60 | 0x123456789abcdef);
    }
    return check_end("multi_cpu");
}
