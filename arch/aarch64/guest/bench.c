// How each operation is measured. What an exit's own instruction counts for:
//
//   HVC              is counted when it traps; the calibration has a NOP in its place.
//   a load or store  is not counted when it faults. One that is emulated never runs in the guest,
//   that faults      so the calibration has nothing in its place.
//   an interrupt     comes between two instructions; ELR_EL1 says between which.
//
// So every value is exact up to what else the machine did meanwhile (the host's tick), and the
// division by the number of rounds. What counts instructions is the cycle counter: QEMU's CPU takes
// a nanosecond for a cycle, and with -icount shift=0 a nanosecond for an instruction.
#include "guest/bench.h"

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/entry.h"
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/bench/measure.h"

#define NANOSECONDS UINT64_C(1000000000)

// The loop around an operation, a function each because the operation has to be in the
// instructions, not behind a pointer. x0 is loaded every time: a call changes it.
#define MEASURED_LOOP(name, operation)                                                             \
    static uint64_t name(uint64_t rounds, const uint64_t argument[MEASURE_ARGUMENTS]) {            \
        uint64_t start, end;                                                                       \
        register uint64_t x1 __asm__("x1") = argument[1];                                          \
        __asm__ volatile("mrs %[start], pmccntr_el0\n"                                             \
                         "1: mov x0, %[argument]\n" operation "\n"                                 \
                         "subs %[rounds], %[rounds], #1\n"                                         \
                         "b.ne 1b\n"                                                               \
                         "mrs %[end], pmccntr_el0\n"                                               \
                         : [start] "=&r"(start), [end] "=&r"(end), [rounds] "+&r"(rounds),         \
                           "+r"(x1)                                                                \
                         : [argument] "r"(argument[0])                                             \
                         : "x0", "x2", "x3", "cc", "memory");                                      \
        return end - start;                                                                        \
    }

MEASURED_LOOP(loop_call, "hvc #0")
MEASURED_LOOP(loop_nop, "nop")
MEASURED_LOOP(loop_load, "ldr w1, [x0]")
MEASURED_LOOP(loop_store, "str w1, [x0]")
MEASURED_LOOP(loop_nothing, "")

// PSCI (Arm DEN 0022, 5.1).
#define PSCI_VERSION 0x84000000u
#define PSCI_FEATURES 0x8400000au

static bool hypercall(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {PSCI_VERSION};
    (void)machine, (void)missing;
    *value = measure_exit(loop_call, loop_nop, arguments);
    return true;
}

static bool probe_feature(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {PSCI_FEATURES, PSCI_VERSION};
    (void)machine, (void)missing;
    *value = measure_exit(loop_call, loop_nop, arguments);
    return true;
}

// So far that the spinning has begun. The virtual timer's interrupt is a private one.
#define INJECT_TICKS 100
#define TIMER_INTERRUPT 27

// An IRQ that comes while the stack pointer is EL1's own arrives at 0x280 (Arm DDI 0487, D1.3.1).
static __attribute__((naked, used, aligned(2048))) void inject_vector(void) {
    __asm__ volatile(".skip 0x280\n"
                     "mrs x9, pmccntr_el0\n"
                     "br x10\n");
}

// Spins until the timer's interrupt. Returns false when it came before the spinning began, or
// another one did.
static bool inject_once(uint64_t *outside) {
    const uint64_t vectors = sysreg_read(vbar_el1);
    register uint64_t end __asm__("x9");
    uint64_t start = 0, pc, first, spins = 0;
    sysreg_write(vbar_el1, inject_vector);
    sysreg_write(cntv_cval_el0, sysreg_read(cntvct_el0) + INJECT_TICKS);
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    sysreg_sync();
    __asm__ volatile("adr x10, 3f\n"
                     "msr daifclr, #2\n"
                     "mrs %[start], pmccntr_el0\n"
                     "1: add %[spins], %[spins], #1\n"
                     "b 1b\n"
                     // The interrupt has masked others; there is nothing to return to.
                     "3: mrs %[pc], elr_el1\n"
                     "adr %[first], 1b\n"
                     : [start] "+&r"(start),
                       "=&r"(end), [pc] "=&r"(pc), [first] "=&r"(first), [spins] "+&r"(spins)
                     :
                     : "x10", "memory");
    const unsigned interrupt = gic_claim();
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_write(vbar_el1, vectors);
    sysreg_sync();
    if (interrupt != GIC_NONE)
        gic_end(interrupt);
    if (pc < first || interrupt != TIMER_INTERRUPT)
        return false;
    // At the branch the round's addition was done, at the addition it was not yet. One reading is
    // counted too.
    const uint64_t own = 1 + (pc == first ? 2 * spins : 2 * spins - 1);
    *outside = end - start - own;
    return true;
}

#define GIC_MISSING "a GIC in the device tree"

static volatile void *registers(const struct machine_range *range) {
    return (volatile void *)(uintptr_t)range->base;
}

static bool timer_inject(const struct machine *machine, uint64_t *value, const char **missing) {
    struct gic gic;
    *missing = GIC_MISSING ", and its interrupt in most rounds";
    return gic_find(machine, &gic) &&
           gic_init(registers(&gic.distributor), registers(&gic.cpus), gic.cpus.size,
                    TIMER_INTERRUPT) &&
           measure_often(inject_once, value);
}

#define GICD_TYPER 0x04
// Reading the clock, and what it is compared with, which just keeps a value (Arm DDI 0224, 3.3).
#define RTC "arm,pl031"
#define RTC_DATA 0x00
#define RTC_MATCH 0x04

static bool mmio_load(const struct machine *machine, uint64_t *value, const char **missing) {
    struct gic gic;
    *missing = GIC_MISSING;
    return gic_find(machine, &gic) &&
           measure_device(machine, gic.compatible, GICD_TYPER, loop_load, loop_nothing, value);
}

static bool clock_load(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "a " RTC " in the device tree";
    return measure_device(machine, RTC, RTC_DATA, loop_load, loop_nothing, value);
}

static bool mmio_store(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "a " RTC " in the device tree";
    return measure_device(machine, RTC, RTC_MATCH, loop_store, loop_nothing, value);
}

static bool page_fault_4k(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "4 MiB of untouched memory";
    return measure_first_touch(machine, value);
}

const struct bench_operation bench_operations[] = {
    {"hypercall", hypercall},         {"probe_feature", probe_feature},
    {"timer_inject", timer_inject},   {"mmio_load", mmio_load},
    {"clock_load", clock_load},       {"mmio_store", mmio_store},
    {"page_fault_4k", page_fault_4k},
};
const unsigned bench_operation_count = sizeof(bench_operations) / sizeof(bench_operations[0]);

const struct machine *bench_machine(const void *handed) { return measure_machine(handed); }

uint64_t bench_instructions(void) { return sysreg_read(pmccntr_el0); }

// To the tick, which is sixteen of them. The guest's own time begins with itself: what has passed
// of it is taken from the cycles, which are the machine's.
uint64_t bench_first_instruction(void) {
    const uint64_t passed = sysreg_read(cntvct_el0) - entry_counter;
    return bench_instructions() - passed * (NANOSECONDS / sysreg_read(cntfrq_el0));
}
