// How each operation is measured. What an exit's own instruction counts for:
//
//   ECALL            is counted when it traps; the calibration has a NOP in its place.
//   a load or store  is not counted when it faults. One that is emulated never runs in the guest,
//   that faults      so the calibration has nothing in its place.
//   an interrupt     comes between two instructions; sepc says between which.
//
// So every value is exact up to what else the machine did meanwhile (the host's tick), and the
// division by the number of rounds.
#include "guest/bench.h"

#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/bench/measure.h"

// The loop around an operation, a function each because the operation has to be in the
// instructions, not behind a pointer. a0 is loaded every time: a call changes a0 and a1. That is an
// instruction of two bytes, so the operation lies across words, where it takes more to fetch it.
#define MEASURED_LOOP(name, operation)                                                             \
    static uint64_t name(uint64_t rounds, const uint64_t argument[MEASURE_ARGUMENTS]) {            \
        uint64_t start, end;                                                                       \
        register uint64_t a6 __asm__("a6") = argument[1];                                          \
        register uint64_t a7 __asm__("a7") = argument[2];                                          \
        __asm__ volatile(".balign 4\n"                                                             \
                         "rdinstret %[start]\n"                                                    \
                         "1: mv a0, %[argument]\n" operation "\n"                                  \
                         "addi %[rounds], %[rounds], -1\n"                                         \
                         "bnez %[rounds], 1b\n"                                                    \
                         "rdinstret %[end]\n"                                                      \
                         : [start] "=&r"(start), [end] "=&r"(end), [rounds] "+&r"(rounds)          \
                         : [argument] "r"(argument[0]), "r"(a6), "r"(a7)                           \
                         : "a0", "a1", "memory");                                                  \
        return end - start;                                                                        \
    }

MEASURED_LOOP(loop_call, "ecall")
MEASURED_LOOP(loop_nop, "nop")
MEASURED_LOOP(loop_load, "lw a1, (a0)")
MEASURED_LOOP(loop_store, "sw a1, (a0)")
MEASURED_LOOP(loop_nothing, "")

static uint64_t measure_call(uint64_t extension, uint64_t function, uint64_t argument) {
    const uint64_t arguments[MEASURE_ARGUMENTS] = {argument, function, extension};
    return measure_exit(loop_call, loop_nop, arguments);
}

static bool hypercall(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_call(SBI_BASE, SBI_BASE_SPEC_VERSION, 0);
    return true;
}

static bool probe_extension(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_call(SBI_BASE, SBI_BASE_PROBE, SBI_TIME);
    return true;
}

#define SET_TIMER_NEVER() SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, UINT64_MAX)

// A deadline ten seconds away, as an idle system would set.
static bool set_timer(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "a counter";
    if (machine->timebase == 0)
        return false;
    *value = measure_call(SBI_TIME, SBI_TIME_SET_TIMER, csr_read(time) + 10 * machine->timebase);
    SET_TIMER_NEVER();
    return true;
}

// Far enough that the call which sets it is over, so that only the expiry is measured.
#define INJECT_TICKS 100

// Spins until the timer's interrupt. Returns false when it came before the spinning began.
static bool inject_once(uint64_t *outside) {
    uint64_t start = 0, end, pc, first, spins = 0;
    SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, csr_read(time) + INJECT_TICKS);
    csr_set(sie, SIE_STIE);
    __asm__ volatile("la %[pc], 3f\n"
                     "csrw stvec, %[pc]\n"
                     "csrsi sstatus, %[sie]\n"
                     "rdinstret %[start]\n"
                     "1: addi %[spins], %[spins], 1\n"
                     "j 1b\n"
                     ".balign 4\n"
                     // The interrupt turned sstatus.SIE off; there is nothing to return to.
                     "3: rdinstret %[end]\n"
                     "csrr %[pc], sepc\n"
                     "la %[first], 1b\n"
                     : [start] "+&r"(start), [end] "=&r"(end), [pc] "=&r"(pc), [first] "=&r"(first),
                       [spins] "+&r"(spins)
                     : [sie] "i"(SSTATUS_SIE)
                     : "memory");
    csr_clear(sie, SIE_STIE);
    csr_write(stvec, bare_vector);
    SET_TIMER_NEVER();
    if (pc < first || csr_read(scause) != SCAUSE_TIMER)
        return false;
    // At the jump the round's addition was done, at the addition it was not yet. One rdinstret is
    // counted too.
    const uint64_t own = 1 + (pc == first ? 2 * spins : 2 * spins - 1);
    *outside = end - start - own;
    return true;
}

static bool timer_inject(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine;
    *missing = "a timer that lets the call return before it expires";
    return measure_often(inject_once, value);
}

// Registers of the goldfish RTC: reading TIME_LOW latches the time, ALARM_HIGH just keeps a value.
#define RTC "google,goldfish-rtc"
#define RTC_TIME_LOW 0x00
#define RTC_ALARM_HIGH 0x0c

static bool mmio_load(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "a " RTC " in the device tree";
    return measure_device(machine, RTC, RTC_TIME_LOW, loop_load, loop_nothing, value);
}

static bool mmio_store(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "a " RTC " in the device tree";
    return measure_device(machine, RTC, RTC_ALARM_HIGH, loop_store, loop_nothing, value);
}

static bool page_fault_4k(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "4 MiB of untouched memory";
    return measure_first_touch(machine, value);
}

const struct bench_operation bench_operations[] = {
    {"hypercall", hypercall},         {"probe_extension", probe_extension},
    {"set_timer", set_timer},         {"timer_inject", timer_inject},
    {"mmio_load", mmio_load},         {"mmio_store", mmio_store},
    {"page_fault_4k", page_fault_4k},
};
const unsigned bench_operation_count = sizeof(bench_operations) / sizeof(bench_operations[0]);

const struct machine *bench_machine(const void *handed) { return measure_machine(handed); }

uint64_t bench_instructions(void) {
    uint64_t now;
    __asm__ volatile("rdinstret %0" : "=r"(now)::"memory");
    return now;
}

uint64_t bench_first_instruction(void) {
    extern const uint8_t image_bss[], image_bss_end[];
    // What _start has executed since: four instructions for each doubleword that it cleared, and a
    // dozen around them.
    return bench_instructions() - (uint64_t)(image_bss_end - image_bss) / 8 * 4 - 12;
}
