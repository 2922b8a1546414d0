// The local APIC as the manual has it (APM volume 2, chapter 16), by whichever way CPUID offers:
// what software may rely on. QEMU's own is what the guest is checked against.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/x86_64/lapic_access.h"

#define VERSION 0x030
#define PPR 0x0a0
#define IN_SERVICE 0x100
#define REQUESTED 0x200
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

#define LOW 0x31
#define MIDDLE 0x41
#define HIGH 0x51

static bool has(unsigned first, unsigned vector) {
    return lapic_get(first + vector / 32 * 16) >> vector % 32 & 1;
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
    lapic_put(LAPIC_END, 0);
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

static void to_self(unsigned vector) { lapic_put(LAPIC_COMMAND, LAPIC_SELF | vector); }

static void registers(void) {
    const uint32_t number = lapic_get(LAPIC_ID) >> (lapic_page == NULL ? 0 : 24);
    check(number == x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT, "ID %u", number);
    check((lapic_get(VERSION) & 0xf0) == 0x10, "version 0x%x", lapic_get(VERSION));
    check((lapic_get(VERSION) >> 16 & 0xff) >= 3, "local vectors: 0x%x", lapic_get(VERSION));
    lapic_put(LAPIC_TPR, 0x35);
    check(lapic_get(LAPIC_TPR) == 0x35, "TPR 0x%x", lapic_get(LAPIC_TPR));
    check((lapic_get(PPR) & 0xf0) == 0x30, "PPR 0x%x", lapic_get(PPR));
    lapic_put(LAPIC_TPR, 0);
    lapic_put(LVT_LINT0, MASKED | 0x700);
    check(lapic_get(LVT_LINT0) == (MASKED | 0x700), "LINT0 0x%x", lapic_get(LVT_LINT0));
}

static void one_shot(void) {
    begin();
    lapic_put(DIVIDER, BY_1);
    lapic_put(LVT_TIMER, LOW);
    lapic_put(INITIAL, 200000);
    const uint32_t first = lapic_get(CURRENT), second = lapic_get(CURRENT);
    check(first <= 200000 && second <= first, "it counts down: %u, %u", first, second);
    check(lapic_get(INITIAL) == 200000, "initial count %u", lapic_get(INITIAL));
    wait_for(1);
    check(lapic_get(CURRENT) == 0, "after its end: %u", lapic_get(CURRENT));
    interrupts_on();
    spin(1000000);
    interrupts_off();
    expect_came(1, "one shot");
    check(came[0] == LOW, "vector 0x%x", came[0]);
    check(!has(IN_SERVICE, LOW) && !has(REQUESTED, LOW), "nothing is left");
}

static void stopped(void) {
    begin();
    lapic_put(LVT_TIMER, LOW);
    lapic_put(INITIAL, 5000000);
    lapic_put(INITIAL, 0);
    check(lapic_get(CURRENT) == 0, "stopped: %u", lapic_get(CURRENT));
    lapic_put(LVT_TIMER, MASKED | LOW);
    lapic_put(INITIAL, 1000);
    interrupts_on();
    spin(1000000);
    interrupts_off();
    expect_came(0, "stopped or masked");
    check(!has(REQUESTED, LOW), "a masked one is not kept");
}

static void periodic(void) {
    begin();
    lapic_put(DIVIDER, BY_16);
    lapic_put(LVT_TIMER, PERIODIC | MIDDLE);
    lapic_put(INITIAL, 20000);
    wait_for(5);
    lapic_put(INITIAL, 0);
    for (unsigned i = 0; i < 5; i++)
        check(came[i] == MIDDLE, "vector 0x%x", came[i]);
}

static void deadline(void) {
    if (!(x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_TSC_DEADLINE))
        return;
    lapic_put(LVT_TIMER, DEADLINE | HIGH);
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
    lapic_put(LAPIC_TPR, 0x40);
    to_self(LOW);
    to_self(MIDDLE);
    interrupts_on();
    expect_came(0, "at or below the task's priority");
    check(has(REQUESTED, LOW) && has(REQUESTED, MIDDLE), "both wait");
    to_self(HIGH);
    spin(10000);
    expect_came(1, "above it");
    interrupts_off();
    lapic_put(LAPIC_TPR, 0x30);
    interrupts_on();
    spin(10000);
    expect_came(2, "one more");
    interrupts_off();
    lapic_put(LAPIC_TPR, 0);
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
        lapic_page = (volatile uint8_t *)(base & ~UINT64_C(0xfff));
    lapic_put(LAPIC_SPURIOUS, LAPIC_ENABLED | VECTOR_SPURIOUS);
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
