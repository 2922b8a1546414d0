// How each operation is measured. What an exit's own instruction counts for: nothing, neither one
// that faults nor one that is intercepted, so the calibration has nothing in its place. An
// interrupt comes between two instructions; what the CPU pushes says between which.
//
// So every value is exact up to what else the machine did meanwhile (the host's tick), and the
// division by the number of rounds. What counts instructions is the time stamp counter, as QEMU has
// it with -icount shift=0.
#include "guest/bench.h"

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/bare.h"
#include "guest/bench/measure.h"

static uint64_t counter(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

// The loop around an operation, a function each because the operation has to be in the
// instructions, not behind a pointer. The registers that it needs are loaded every time: it may
// change them. Two readings of the counter are inside, by the guest and by the calibration alike.
#define MEASURED_LOOP(name, operation)                                                             \
    static uint64_t name(uint64_t rounds, const uint64_t argument[MEASURE_ARGUMENTS]) {            \
        const uint64_t start = counter();                                                          \
        __asm__ volatile(                                                                          \
            "1: mov %[first], %%rax\n"                                                             \
            "mov %[second], %%rcx\n"                                                               \
            "mov %[third], %%rdx\n" operation "\n"                                                 \
            "dec %[rounds]\n"                                                                      \
            "jnz 1b\n"                                                                             \
            : [rounds] "+&r"(rounds)                                                               \
            : [first] "r"(argument[0]), [second] "r"(argument[1]), [third] "r"(argument[2])        \
            : "rax", "rbx", "rcx", "rdx", "cc", "memory");                                         \
        return counter() - start;                                                                  \
    }

MEASURED_LOOP(loop_call, "vmmcall")
MEASURED_LOOP(loop_cpuid, "cpuid")
MEASURED_LOOP(loop_in, "inb %%dx, %%al")
MEASURED_LOOP(loop_wrmsr, "wrmsr")
MEASURED_LOOP(loop_load, "movl (%%rax), %%ecx")
MEASURED_LOOP(loop_store, "movl %%ecx, (%%rax)")
MEASURED_LOOP(loop_nothing, "")

// Loads of the same register, each by another instruction; so many that none is remembered until it
// comes again.
#define DIFFERENT 250
#define DIFFERENT_FIRST 0x1000
#define DIFFERENT_STEP 8

#define DIFFERENT_LOOP(name, operation)                                                            \
    static uint64_t name(uint64_t rounds, const uint64_t argument[MEASURE_ARGUMENTS]) {            \
        const uint64_t start = counter();                                                          \
        for (rounds /= DIFFERENT; rounds > 0; rounds--) {                                          \
            __asm__ volatile("mov %[first], %%rax\n"                                               \
                             ".set displacement, %c[start]\n"                                      \
                             ".rept %c[different]\n" operation "\n"                                \
                             "lea -%c[step](%%rax), %%rax\n"                                       \
                             ".set displacement, displacement + %c[step]\n"                        \
                             ".endr\n" ::[first] "r"(argument[0] - DIFFERENT_FIRST),               \
                             [start] "i"(DIFFERENT_FIRST), [step] "i"(DIFFERENT_STEP),             \
                             [different] "i"(DIFFERENT)                                            \
                             : "rax", "rcx", "memory");                                            \
        }                                                                                          \
        return counter() - start;                                                                  \
    }

DIFFERENT_LOOP(loop_different, "movl displacement(%%rax), %%ecx")
DIFFERENT_LOOP(loop_no_different, "")

static bool hypercall(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {HYPERVISOR_NOTHING};
    (void)machine, (void)missing;
    *value = measure_exit(loop_call, loop_nothing, arguments);
    return true;
}

static uint64_t measure_cpuid(uint32_t leaf) {
    const uint64_t arguments[MEASURE_ARGUMENTS] = {leaf};
    return measure_exit(loop_cpuid, loop_nothing, arguments);
}

static bool cpuid(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_cpuid(CPUID_FEATURES);
    return true;
}

// The one that software asks again and again is the hypervisor's own.
static bool cpuid_hypervisor(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_cpuid(CPUID_HYPERVISOR);
    return true;
}

// The serial port's line status, for which every program that writes there waits.
#define UART_LINE 0x3fd

static bool port_read(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {0, 0, UART_LINE};
    (void)machine, (void)missing;
    *value = measure_exit(loop_in, loop_nothing, arguments);
    return true;
}

// Registers of the goldfish RTC: reading TIME_LOW latches the time, TIME_HIGH is what was latched,
// ALARM_HIGH just keeps a value. The manifest has it here.
#define RTC UINT64_C(0xf0000000)
#define RTC_TIME_LOW 0x00
#define RTC_TIME_HIGH 0x04
#define RTC_ALARM_HIGH 0x0c

static uint64_t measure_load(uint64_t offset, measure_loop *load, measure_loop *nothing) {
    const uint64_t arguments[MEASURE_ARGUMENTS] = {RTC + offset};
    return measure_exit(load, nothing, arguments);
}

static bool mmio_load(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_load(RTC_TIME_HIGH, loop_load, loop_nothing);
    return true;
}

static bool mmio_load_new(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_load(RTC_TIME_HIGH, loop_different, loop_no_different);
    return true;
}

// Where a page begins, what was accessed may begin in the page before.
static bool mmio_load_first(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine, (void)missing;
    *value = measure_load(RTC_TIME_LOW, loop_load, loop_nothing);
    return true;
}

static bool mmio_store(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {RTC + RTC_ALARM_HIGH};
    (void)machine, (void)missing;
    *value = measure_exit(loop_store, loop_nothing, arguments);
    return true;
}

static volatile void *show(struct phys at, uint64_t size) {
    (void)size;
    return (volatile void *)(uintptr_t)at.raw;
}

// The APIC in the three ways in which its timer is set; each needs another mode of it, and from
// that of the MSRs there is no way back but by turning it off.
#define APIC_PAGE UINT64_C(0xfee00000)
#define APIC_SPURIOUS 0x0f0
#define APIC_TIMER 0x320
#define APIC_INITIAL 0x380
#define APIC_ENABLED (UINT64_C(1) << 8)
#define MSR_INITIAL (MSR_X2APIC + APIC_INITIAL / 16)
#define COUNT_FAR UINT64_C(0x7fffffff) // two seconds

static void store(uint64_t at, uint64_t value) {
    __asm__ volatile("movl %1, (%0)" ::"r"(at), "r"((uint32_t)value) : "memory");
}

static bool timer_set_page(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {APIC_PAGE + APIC_INITIAL, COUNT_FAR};
    (void)machine, (void)missing;
    store(APIC_PAGE + APIC_SPURIOUS, APIC_ENABLED | VECTOR_SPURIOUS);
    store(APIC_PAGE + APIC_TIMER, VECTOR_TIMER);
    *value = measure_exit(loop_store, loop_nothing, arguments);
    store(APIC_PAGE + APIC_INITIAL, 0);
    return true;
}

static bool timer_set_count(const struct machine *machine, uint64_t *value, const char **missing) {
    static const uint64_t arguments[MEASURE_ARGUMENTS] = {COUNT_FAR, MSR_INITIAL};
    (void)machine;
    *missing = "the local APIC by MSRs";
    if (!(x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_X2APIC))
        return false;
    apic_init(show);
    x86_write_msr(MSR_X2APIC + APIC_TIMER / 16, VECTOR_TIMER);
    *value = measure_exit(loop_wrmsr, loop_nothing, arguments);
    apic_set_count(0);
    return true;
}

// A deadline two seconds away, as an idle system would set.
static bool timer_set(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine;
    *missing = "a timer that takes deadlines";
    apic_init(show);
    if (!apic_takes_deadlines())
        return false;
    const uint64_t deadline = counter() + COUNT_FAR;
    const uint64_t arguments[MEASURE_ARGUMENTS] = {(uint32_t)deadline, MSR_TSC_DEADLINE,
                                                   deadline >> 32};
    *value = measure_exit(loop_wrmsr, loop_nothing, arguments);
    apic_set_deadline(0);
    return true;
}

// So far that the spinning has begun.
#define INJECT_TICKS 5000

struct gate {
    uint16_t offset_low, selector;
    uint16_t type, offset_middle;
    uint32_t offset_high, unused;
};

// Instead of what segments.c has set.
static void set_gate(unsigned vector, uint64_t code) {
    struct __attribute__((packed)) {
        uint16_t limit;
        struct gate *gates;
    } table;
    __asm__ volatile("sidt %0" : "=m"(table));
    table.gates[vector].offset_low = (uint16_t)code;
    table.gates[vector].offset_middle = (uint16_t)(code >> 16);
    table.gates[vector].offset_high = (uint32_t)(code >> 32);
}

// Where the interrupt arrives: the counter first, then RIP; back on the stack that it came on.
static __attribute__((naked, used)) void inject_vector(void) {
    __asm__ volatile("rdtsc\n"
                     "mov (%rsp), %rcx\n"
                     "mov 24(%rsp), %rsp\n"
                     "jmp *%r8\n");
}

// Spins until the timer's interrupt. Returns false when it came before the spinning began.
static bool inject_once(uint64_t *outside) {
    uint64_t start = 0, pc = 0, first = 0, spins = 0;
    uint32_t low = 0, high = 0;
    set_gate(VECTOR_TIMER, (uint64_t)inject_vector);
    apic_set_deadline(counter() + INJECT_TICKS);
    __asm__ volatile("lea 3f(%%rip), %%r8\n"
                     "lea 1f(%%rip), %[first]\n"
                     "sti\n"
                     "rdtsc\n"
                     "shl $32, %%rdx\n"
                     "lea (%%rax, %%rdx), %[start]\n"
                     "1: inc %[spins]\n"
                     "jmp 1b\n"
                     // The interrupt has masked others; there is nothing to return to.
                     "3:\n"
                     : [start] "+&r"(start), [first] "+&r"(first), [spins] "+&r"(spins), "+&c"(pc),
                       "+&a"(low), "+&d"(high)
                     :
                     : "r8", "cc", "memory");
    apic_end();
    if (pc < first)
        return false;
    // At the jump the round's addition was done, at the addition it was not yet. One reading and
    // the two instructions behind the other are counted too.
    const uint64_t own = 3 + (pc == first ? 2 * spins : 2 * spins - 1);
    *outside = ((uint64_t)high << 32 | low) - start - own;
    return true;
}

static bool timer_inject(const struct machine *machine, uint64_t *value, const char **missing) {
    (void)machine;
    *missing = "a timer that takes deadlines, and its interrupt in most rounds";
    return apic_takes_deadlines() && measure_often(inject_once, value);
}

static bool page_fault_4k(const struct machine *machine, uint64_t *value, const char **missing) {
    *missing = "4 MiB of untouched memory";
    return measure_first_touch(machine, value);
}

const struct bench_operation bench_operations[] = {
    {"hypercall", hypercall},
    {"cpuid", cpuid},
    {"cpuid_hypervisor", cpuid_hypervisor},
    {"port_read", port_read},
    {"mmio_load", mmio_load},
    {"mmio_load_new", mmio_load_new},
    {"mmio_load_first", mmio_load_first},
    {"mmio_store", mmio_store},
    {"timer_set_page", timer_set_page},
    {"timer_set_count", timer_set_count},
    {"timer_set", timer_set},
    {"timer_inject", timer_inject},
    {"page_fault_4k", page_fault_4k},
};
const unsigned bench_operation_count = sizeof(bench_operations) / sizeof(bench_operations[0]);

const struct machine *bench_machine(const void *handed) {
    (void)handed;
    return bare_machine();
}

uint64_t bench_instructions(void) { return counter(); }

uint64_t bench_first_instruction(void) { return entry_counter; }
