// The local APIC as the manual has it (APM volume 2, chapter 16), by whichever way CPUID offers:
// what software may rely on. QEMU's own is what the guest is checked against.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"

#define ID 0x020
#define VERSION 0x030
#define TPR 0x080
#define PPR 0x0a0
#define END 0x0b0
#define SPURIOUS 0x0f0
#define IN_SERVICE 0x100
#define REQUESTED 0x200
#define COMMAND 0x300
#define COMMAND_HIGH 0x310
#define LVT_TIMER 0x320
#define LVT_LINT0 0x350
#define INITIAL 0x380
#define CURRENT 0x390
#define DIVIDER 0x3e0

#define BY_1 0xb
#define BY_16 0x3
#define MASKED (1u << 16)
#define PERIODIC (1u << 17)
#define DEADLINE (2u << 17)
#define SELF (1u << 18)
#define ENABLED 0x100u

#define LOW 0x31
#define MIDDLE 0x41
#define HIGH 0x51

static volatile uint8_t *page; // NULL: MSRs

// Nothing but moves reaches emulated registers, and a compiler may make other instructions of
// volatile accesses.
static void put(unsigned offset, uint32_t value) {
    if (page == NULL)
        x86_write_msr(MSR_X2APIC + offset / 16, value);
    else
        asm volatile("movl %1, %0" : "=m"(*(volatile uint32_t *)(page + offset)) : "r"(value));
}

static uint32_t get(unsigned offset) {
    if (page == NULL)
        return (uint32_t)x86_read_msr(MSR_X2APIC + offset / 16);
    uint32_t value;
    asm volatile("movl %1, %0" : "=r"(value) : "m"(*(volatile uint32_t *)(page + offset)));
    return value;
}

static bool has(unsigned first, unsigned vector) {
    return get(first + vector / 32 * 16) >> vector % 32 & 1;
}

// What came, in its order; a handler may let others in.
static volatile unsigned came[64], count;
static void (*volatile in_handler)(unsigned vector);

void bare_trap(struct trap_frame *frame) {
    if (frame->vector < VECTOR_EXCEPTIONS) {
        print("FAILED: trap %lu at 0x%lx\n", frame->vector, frame->rip);
        guest_end(true);
    }
    came[count++ % 64] = (unsigned)frame->vector;
    check(has(IN_SERVICE, (unsigned)frame->vector), "%lx is in service", frame->vector);
    if (in_handler != NULL)
        in_handler((unsigned)frame->vector);
    put(END, 0);
}

static void interrupts_on(void) { __asm__ volatile("sti\nnop\nnop" ::: "memory"); }
static void interrupts_off(void) { __asm__ volatile("cli" ::: "memory"); }

static void begin(void) {
    interrupts_off();
    count = 0;
    in_handler = NULL;
}

static void expect_came(unsigned wanted, const char *what) {
    check(count == wanted, "%s: %u interrupts, not %u", what, count, wanted);
}

// Waits for so many interrupts, as long as it takes: a machine that loses one is ended by its
// tester.
static void wait_for(unsigned wanted) {
    while (count < wanted)
        __asm__ volatile("sti\nhlt\ncli" ::: "memory");
}

static void spin(uint64_t ticks) {
    const uint64_t end = x86_time_stamp() + ticks;
    while (x86_time_stamp() < end)
        ;
}

static void to_self(unsigned vector) { put(COMMAND, SELF | vector); }

static void registers(void) {
    const uint32_t number = get(ID) >> (page == NULL ? 0 : 24);
    check(number == x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT, "ID %u", number);
    check((get(VERSION) & 0xf0) == 0x10, "version 0x%x", get(VERSION));
    check((get(VERSION) >> 16 & 0xff) >= 3, "local vectors: 0x%x", get(VERSION));
    put(TPR, 0x35);
    check(get(TPR) == 0x35, "TPR 0x%x", get(TPR));
    check((get(PPR) & 0xf0) == 0x30, "PPR 0x%x", get(PPR));
    put(TPR, 0);
    put(LVT_LINT0, MASKED | 0x700);
    check(get(LVT_LINT0) == (MASKED | 0x700), "LINT0 0x%x", get(LVT_LINT0));
}

static void one_shot(void) {
    begin();
    put(DIVIDER, BY_1);
    put(LVT_TIMER, LOW);
    put(INITIAL, 200000);
    const uint32_t first = get(CURRENT), second = get(CURRENT);
    check(first <= 200000 && second <= first, "it counts down: %u, %u", first, second);
    check(get(INITIAL) == 200000, "initial count %u", get(INITIAL));
    wait_for(1);
    check(get(CURRENT) == 0, "after its end: %u", get(CURRENT));
    interrupts_on();
    spin(1000000);
    interrupts_off();
    expect_came(1, "one shot");
    check(came[0] == LOW, "vector 0x%x", came[0]);
    check(!has(IN_SERVICE, LOW) && !has(REQUESTED, LOW), "nothing is left");
}

static void stopped(void) {
    begin();
    put(LVT_TIMER, LOW);
    put(INITIAL, 5000000);
    put(INITIAL, 0);
    check(get(CURRENT) == 0, "stopped: %u", get(CURRENT));
    put(LVT_TIMER, MASKED | LOW);
    put(INITIAL, 1000);
    interrupts_on();
    spin(1000000);
    interrupts_off();
    expect_came(0, "stopped or masked");
    check(!has(REQUESTED, LOW), "a masked one is not kept");
}

static void periodic(void) {
    begin();
    put(DIVIDER, BY_16);
    put(LVT_TIMER, PERIODIC | MIDDLE);
    put(INITIAL, 20000);
    wait_for(5);
    put(INITIAL, 0);
    for (unsigned i = 0; i < 5; i++)
        check(came[i] == MIDDLE, "vector 0x%x", came[i]);
}

static void deadline(void) {
    if (!(x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_TSC_DEADLINE))
        return;
    put(LVT_TIMER, DEADLINE | HIGH);
    __asm__ volatile("mfence" ::: "memory");
    for (unsigned i = 0; i < 5; i++) {
        begin();
        const uint64_t due = x86_time_stamp() + 100000;
        x86_write_msr(MSR_TSC_DEADLINE, due);
        wait_for(1);
        check(x86_time_stamp() >= due, "not before it is due");
        check(x86_read_msr(MSR_TSC_DEADLINE) == 0, "once only");
    }
    begin();
    x86_write_msr(MSR_TSC_DEADLINE, x86_time_stamp() + 100000);
    x86_write_msr(MSR_TSC_DEADLINE, 0);
    interrupts_on();
    spin(1000000);
    interrupts_off();
    expect_came(0, "a deadline taken back");
    x86_write_msr(MSR_TSC_DEADLINE, 1); // has passed already
    wait_for(1);
    expect_came(1, "a deadline in the past");
}

static void task_priority(void) {
    begin();
    put(TPR, 0x40);
    to_self(LOW);
    to_self(MIDDLE);
    interrupts_on();
    expect_came(0, "at or below the task's priority");
    check(has(REQUESTED, LOW) && has(REQUESTED, MIDDLE), "both wait");
    to_self(HIGH);
    spin(10000);
    expect_came(1, "above it");
    interrupts_off();
    put(TPR, 0x30);
    interrupts_on();
    spin(10000);
    expect_came(2, "one more");
    interrupts_off();
    put(TPR, 0);
    interrupts_on();
    spin(10000);
    interrupts_off();
    expect_came(3, "all");
    check(came[0] == HIGH && came[1] == MIDDLE && came[2] == LOW, "in their order");
}

static void highest_first(void) {
    begin();
    to_self(LOW);
    to_self(HIGH);
    to_self(MIDDLE);
    to_self(HIGH); // is pending already
    interrupts_on();
    spin(10000);
    interrupts_off();
    expect_came(3, "three at once");
    check(came[0] == HIGH && came[1] == MIDDLE && came[2] == LOW, "0x%x, 0x%x, 0x%x", came[0],
          came[1], came[2]);
}

static void nest(unsigned vector) {
    if (vector != MIDDLE)
        return;
    to_self(LOW);
    to_self(HIGH);
    to_self(MIDDLE);
    interrupts_on();
    spin(10000);
    interrupts_off();
    check(count == 2 && came[1] == HIGH, "inside only what is more urgent: %u", count);
    in_handler = NULL;
}

static void nested(void) {
    begin();
    in_handler = nest;
    to_self(MIDDLE);
    interrupts_on();
    spin(10000);
    interrupts_off();
    expect_came(4, "one in another");
    check(came[2] == MIDDLE && came[3] == LOW, "then 0x%x, 0x%x", came[2], came[3]);
}

static void many(void) {
    begin();
    interrupts_on();
    for (unsigned i = 0; i < 1000; i++)
        to_self(LOW + i % 8);
    spin(10000);
    interrupts_off();
    check(count >= 8 && count <= 1000, "of 1000 %u came", count);
    check(!has(REQUESTED, LOW) && !has(IN_SERVICE, LOW), "nothing is left");
}

static void set_up(void) {
    x86_out8(0x21, 0xff);
    x86_out8(0xa1, 0xff);
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    const uint64_t base = x86_read_msr(MSR_APIC_BASE);
    const bool by_page = check_case(bare_machine(), "page", false);
    if (check_case(bare_machine(), "pc", false))
        set_up();
    if (!by_page && (x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_X2APIC))
        x86_write_msr(MSR_APIC_BASE, base | 1u << 10);
    else
        page = (volatile uint8_t *)(base & ~UINT64_C(0xfff));
    put(SPURIOUS, ENABLED | VECTOR_SPURIOUS);
    registers();
    one_shot();
    stopped();
    periodic();
    deadline();
    task_priority();
    highest_first();
    nested();
    many();
    return check_end("lapic");
}
