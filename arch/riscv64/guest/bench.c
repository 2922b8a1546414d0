// How each operation is measured.
//
// instret under -icount counts what the whole machine executes, so the difference of two readings
// in the guest is the guest's own instructions plus everything outside. The guest's own are known
// by running the same loop without the exit. What an exit's own instruction counts for:
//
//   ECALL            is counted when it traps; the calibration has a NOP in its place.
//   a load or store  is not counted when it faults. One that is emulated never runs in the guest,
//   that faults      so the calibration has nothing in its place; one that is repeated after the
//                    page is there is counted then, so the calibration is the same loop again.
//   an interrupt     comes between two instructions; sepc says between which.
//
// So every value is exact up to what else the machine did meanwhile (the host's tick), and the
// division by the number of rounds.
#include "guest/bench.h"

#include <stddef.h>

#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/mmu.h"

#define WARM_UP 64
#define ROUNDS 1000

// The loop around an operation, a function each because the operation has to be in the
// instructions, not behind a pointer. The first argument is loaded every time: a call changes a0
// and a1.
#define MEASURED_LOOP(name, operation)                                                             \
    static __attribute__((noinline)) uint64_t name(uint64_t rounds, uint64_t argument,             \
                                                   uint64_t function, uint64_t extension) {        \
        uint64_t start, end;                                                                       \
        register uint64_t a6 __asm__("a6") = function;                                             \
        register uint64_t a7 __asm__("a7") = extension;                                            \
        __asm__ volatile("rdinstret %[start]\n"                                                    \
                         "1: mv a0, %[argument]\n" operation "\n"                                  \
                         "addi %[rounds], %[rounds], -1\n"                                         \
                         "bnez %[rounds], 1b\n"                                                    \
                         "rdinstret %[end]\n"                                                      \
                         : [start] "=&r"(start), [end] "=&r"(end), [rounds] "+&r"(rounds)          \
                         : [argument] "r"(argument), "r"(a6), "r"(a7)                              \
                         : "a0", "a1", "memory");                                                  \
        return end - start;                                                                        \
    }

MEASURED_LOOP(loop_call, "ecall")
MEASURED_LOOP(loop_nop, "nop")
MEASURED_LOOP(loop_load, "lw a1, (a0)")
MEASURED_LOOP(loop_store, "sw a1, (a0)")
MEASURED_LOOP(loop_nothing, "")

static uint64_t per_round(uint64_t with, uint64_t without) {
    return (with - without + ROUNDS / 2) / ROUNDS;
}

static uint64_t measure_call(uint64_t extension, uint64_t function, uint64_t argument) {
    loop_call(WARM_UP, argument, function, extension);
    const uint64_t with = loop_call(ROUNDS, argument, function, extension);
    return per_round(with, loop_nop(ROUNDS, argument, function, extension));
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
#define INJECT_ROUNDS 200

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
    static uint64_t sorted[INJECT_ROUNDS];
    unsigned count = 0;
    (void)machine;
    for (unsigned round = 0; round < INJECT_ROUNDS; round++) {
        uint64_t outside;
        if (!inject_once(&outside))
            continue;
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1] > outside; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = outside;
    }
    // The median: the host's own tick falls into some of the rounds.
    *missing = "a timer that lets the call return before it expires";
    *value = sorted[count / 2];
    return count > INJECT_ROUNDS / 2;
}

// Registers of the goldfish RTC: reading TIME_LOW latches the time, ALARM_HIGH just keeps a value.
#define RTC_TIME_LOW 0x00
#define RTC_ALARM_HIGH 0x0c

typedef uint64_t (*loop)(uint64_t rounds, uint64_t argument, uint64_t function, uint64_t extension);

static bool measure_rtc(const struct machine *machine, loop access, uint64_t offset,
                        uint64_t *value, const char **missing) {
    struct machine_range rtc;
    *missing = "a google,goldfish-rtc in the device tree";
    if (!machine_device(machine, "google,goldfish-rtc", 0, &rtc))
        return false;
    access(WARM_UP, rtc.base + offset, 0, 0);
    const uint64_t with = access(ROUNDS, rtc.base + offset, 0, 0);
    *value = per_round(with, loop_nothing(ROUNDS, rtc.base + offset, 0, 0));
    return true;
}

static bool mmio_load(const struct machine *machine, uint64_t *value, const char **missing) {
    return measure_rtc(machine, loop_load, RTC_TIME_LOW, value, missing);
}

static bool mmio_store(const struct machine *machine, uint64_t *value, const char **missing) {
    return measure_rtc(machine, loop_store, RTC_ALARM_HIGH, value, missing);
}

// Memory that nobody has touched before: the upper half of the bench VM's 16 MiB, which its
// manifest populates on demand in 4 KiB pages. It is tried in two windows, because the device tree
// may lie in one of them.
#define UNTOUCHED UINT64_C(0x80800000)
#define UNTOUCHED_END UINT64_C(0x81000000)
#define WINDOW (UINT64_C(4) << 20)
#define PAGE_WARM_UP 16
_Static_assert((PAGE_WARM_UP + ROUNDS) * PAGE_SIZE <= WINDOW, "the rounds fit the window");

static struct machine_range device_tree;

void bench_init(const void *tree, uint64_t size) {
    device_tree = (struct machine_range){(uint64_t)tree, size};
}

static bool untouched_window(const struct machine *machine, uint64_t *base) {
    const uint64_t end = machine->memory.base + machine->memory.size;
    for (*base = UNTOUCHED; *base < UNTOUCHED_END; *base += WINDOW) {
        if (*base + WINDOW <= end &&
            (device_tree.base >= *base + WINDOW || device_tree.base + device_tree.size <= *base))
            return true;
    }
    return false;
}

static uint64_t touch(uint64_t at, uint64_t pages) {
    uint64_t start, end, scratch;
    __asm__ volatile(
        "rdinstret %[start]\n"
        "1: lw %[scratch], (%[at])\n"
        "add %[at], %[at], %[page]\n"
        "bltu %[at], %[last], 1b\n"
        "rdinstret %[end]\n"
        : [start] "=&r"(start), [end] "=&r"(end), [scratch] "=&r"(scratch), [at] "+&r"(at)
        : [page] "r"(PAGE_SIZE), [last] "r"(at + pages * PAGE_SIZE)
        : "memory");
    return end - start;
}

static bool page_fault_4k(const struct machine *machine, uint64_t *value, const char **missing) {
    uint64_t base;
    *missing = "4 MiB of untouched memory above 0x80800000";
    if (!untouched_window(machine, &base))
        return false;
    touch(base, PAGE_WARM_UP);
    base += PAGE_WARM_UP * PAGE_SIZE;
    const uint64_t with = touch(base, ROUNDS);
    const uint64_t without = touch(base, ROUNDS);
    *value = per_round(with, without);
    return true;
}

const struct bench_operation bench_operations[] = {
    {"hypercall", hypercall},         {"probe_extension", probe_extension},
    {"set_timer", set_timer},         {"timer_inject", timer_inject},
    {"mmio_load", mmio_load},         {"mmio_store", mmio_store},
    {"page_fault_4k", page_fault_4k},
};
const unsigned bench_operation_count = sizeof(bench_operations) / sizeof(bench_operations[0]);

uint64_t bench_first_instruction(void) {
    extern const uint8_t image_bss[], image_bss_end[];
    uint64_t now;
    __asm__ volatile("rdinstret %0" : "=r"(now));
    // What _start has executed since: four instructions for each doubleword that it cleared, and a
    // dozen around them.
    return now - (uint64_t)(image_bss_end - image_bss) / 8 * 4 - 12;
}
