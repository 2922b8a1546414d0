// timer-server as x86_64 has it: what a guest's CPU finds beside the processor. Each exit is served
// by a server that has just started and knows only the state; and again by others that died on the
// way.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/include/arch/inputs.h"
#include "ipc/lapic.h"
#include "servers/timer-server/pc/pc.h"
#include "tests/unit/fakert/fakert.h"

#define VM 7
#define VCPU 30 // slots: 30 and 31 of VM 7, 40 of VM 9
#define OTHER_VM 9
#define OTHER_VCPU 40
#define SLOTS 48
#define BASE 0x1b
#define DEADLINE 0x6e0
#define X2APIC(number) (0x800 + (number))
#define CR0 17
#define CR4 20
#define EFER 21
#define CS 29
#define PAT 28

int timer_server_main(void);

static _Alignas(8) uint8_t region[8192];
static uint64_t seq[2][2];

// The core: what each vCPU has pending, and the number of the last call for it.
static uint64_t pending[SLOTS][4];
static uint64_t last_number[SLOTS];

// INIT, STARTUP and NMI, in their order.
static struct input_given {
    unsigned vcpu;
    uint64_t input;
} inputs[8];
static unsigned input_count;

static void expect_inputs(unsigned vcpu, const uint64_t *input, unsigned count) {
    assert_int_equal(input_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(inputs[i].vcpu, vcpu);
        assert_int_equal(inputs[i].input, input[i]);
    }
    input_count = 0;
}

static uint64_t on_look(unsigned vcpu, unsigned interrupt) {
    return pending[vcpu][interrupt / 64] >> interrupt % 64 & 1 ? VCPU_LOOK_PENDING : 0;
}

static void on_interrupt(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                         uint64_t number) {
    if (number <= last_number[vcpu]) {
        return;
    }
    last_number[vcpu] = number;
    if (interrupt >= INPUT_NMI) {
        assert_true(input_count < sizeof(inputs) / sizeof(inputs[0]));
        inputs[input_count++] = (struct input_given){vcpu, interrupt};
        if (interrupt == INPUT_INIT) {
            memset(pending[vcpu], 0, sizeof(pending[vcpu]));
        }
        return;
    }
    assert_true(interrupt >= 16 && interrupt < 256);
    const uint64_t bit = UINT64_C(1) << interrupt % 64;
    if (what == VCPU_INTERRUPT_RAISE) {
        pending[vcpu][interrupt / 64] |= bit;
    } else {
        assert_int_equal(what, VCPU_INTERRUPT_TAKE_BACK);
        pending[vcpu][interrupt / 64] &= ~bit;
    }
}

static unsigned guest_takes(unsigned vcpu) {
    for (unsigned vector = 255; vector > 0; vector--) {
        if (on_look(vcpu, vector)) {
            pending[vcpu][vector / 64] &= ~(UINT64_C(1) << vector % 64);
            return vector;
        }
    }
    return 0;
}

// Host CPUs differ: here all bits are set that the leaf's number does not say.
struct pc_cpuid_result pc_host_cpuid(uint32_t leaf, uint32_t subleaf) {
    (void)subleaf;
    return leaf == 0 || leaf == 0x80000000 ? (struct pc_cpuid_result){leaf + 0x1f, 1, 2, 3}
                                           : (struct pc_cpuid_result){-1u, -1u, -1u, -1u};
}

static void configure(void) {
    struct config_entry *state = fakert_entry("state", CONFIG_WINDOW);
    state->address = (uint64_t)(uintptr_t)region;
    state->size = sizeof(region);
    fakert_entry("vcpu-7", CONFIG_CAP)->slot = VCPU;
    fakert_entry("vcpu-7", CONFIG_CAP)->slot = VCPU + 1;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = OTHER_VCPU;
    fakert.on_look = on_look;
    fakert.on_interrupt = on_interrupt;
    fakert_timebase(2000000);
}

static uint64_t now;
static uint64_t reg[FAKERT_REGISTERS];

// What the guest executes, at 0x1ffa: on two pages.
static uint8_t code[16];
static bool fetch_fails;
static bool is_stopped; // the vCPU, during the service of its exit
#define CODE_AT 0x1ffau

static uint64_t on_fetch(uint64_t at) {
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 8 && at + i - CODE_AT < sizeof(code); i++) {
        bytes |= (uint64_t)code[at + i - CODE_AT] << 8 * i;
    }
    return bytes;
}

static enum fakert_end run(const struct message *record, unsigned kill_at) {
    fakert_reset();
    configure();
    fakert.now = now;
    memcpy(fakert.reg, reg, sizeof(reg));
    fakert.kill_at = kill_at;
    fakert.on_fetch = on_fetch;
    fakert.fetch_fails = fetch_fails;
    fakert.is_stopped = is_stopped;
    fakert_send(record);
    return fakert_run(timer_server_main);
}

static struct reply serve(const struct message *record) {
    assert_int_equal(run(record, 0), FAKERT_WAITING);
    assert_true(fakert_is_valid(record, fakert_only_answer()));
    return *fakert_only_answer();
}

// Others die on it first, at each of their requests; then it is served twice.
static struct reply serve_after_deaths(const struct message *record) {
    for (unsigned i = 1; run(record, i) == FAKERT_KILLED; i++) {
    }
    const struct reply first = serve(record), second = serve(record);
    assert_int_equal(first.flags & ~(uint64_t)REPLY_DEADLINE,
                     second.flags & ~(uint64_t)REPLY_DEADLINE);
    assert_int_equal(first.word[0], second.word[0]);
    assert_int_equal(first.word[2], second.word[2]);
    return second;
}

static struct message record(enum exit_class c, uint64_t vm, unsigned vcpu) {
    return fakert_record(c, vm, vcpu, ++seq[vm != VM][vcpu]);
}

static struct message access(unsigned vcpu, uint64_t code, uint32_t ecx, uint64_t edx_eax) {
    struct message made = record(EXIT_SYSREG, VM, vcpu);
    made.word[0] = code;
    made.word[1] = ecx;
    made.word[2] = edx_eax;
    return made;
}

static struct reply write_from(unsigned vcpu, uint32_t msr, uint64_t value) {
    const struct message made = access(vcpu, UINT64_C(1) << 32 | 0x7c, msr, value);
    return serve_after_deaths(&made);
}

static void write(uint32_t msr, uint64_t value) {
    const struct reply reply = write_from(0, msr, value);
    assert_int_equal(reply.flags & ~(uint64_t)REPLY_DEADLINE, REPLY_FLAGS | REPLY_ADVANCE);
}

static uint64_t read(uint32_t msr) {
    const struct message made = access(0, 0x7c, msr, 0);
    const struct reply reply = serve_after_deaths(&made);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
    return reply.word[0];
}

static void expect_fault(struct reply reply, unsigned vector) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], vector);
    assert_int_equal(reply.word[1], 0);
}

static void expect_refused(uint32_t msr, uint64_t value) {
    expect_fault(write_from(0, msr, value), 13);
}

static void expect_not_there(uint32_t msr) {
    const struct message made = access(0, 0x7c, msr, 0);
    expect_fault(serve_after_deaths(&made), 13);
}

static void turn_on(unsigned vcpu) {
    write_from(vcpu, BASE, 0xfee00c00 | (vcpu == 0 ? 0x100 : 0));
    write_from(vcpu, X2APIC(0x0f), 0x1ff);
}

static int begin(void **unused) {
    (void)unused;
    memset(region, 0, sizeof(region));
    memset(seq, 0, sizeof(seq));
    memset(pending, 0, sizeof(pending));
    memset(last_number, 0, sizeof(last_number));
    memset(reg, 0, sizeof(reg));
    input_count = 0;
    is_stopped = false;
    now = 5000;
    return 0;
}

static void test_a_deadline_becomes_an_interrupt(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x32), 0x40020);
    for (unsigned i = 0; i < 3; i++) {
        struct reply reply = write_from(0, DEADLINE, now + 100);
        assert_true(reply.flags & REPLY_DEADLINE);
        assert_int_equal(reply.word[2], now + 100);
        now += 100;
        const struct message expired = record(EXIT_TIMER, VM, 0);
        reply = serve_after_deaths(&expired);
        assert_int_equal(reply.flags, REPLY_FLAGS);
        assert_int_equal(guest_takes(VCPU), 0x20);
        assert_int_equal(guest_takes(VCPU), 0);
        write(X2APIC(0x0b), 0);
    }
    assert_int_equal(guest_takes(VCPU + 1), 0);
}

// The next deadline is set before anybody heard that the last one has passed.
static void test_no_deadline_is_lost(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x32), 0x40020);
    write(DEADLINE, now + 100);
    now += 150;
    write(DEADLINE, now + 100);
    assert_int_equal(guest_takes(VCPU), 0x20);
}

// In whichever way it is served: quick.c has one for what only moves the expiry.
static void test_a_count_is_set(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x32), 0x30);
    for (unsigned divider = 0; divider < 4; divider++) { // by 2, 4, 8, 16
        write(X2APIC(0x3e), divider);
        struct reply reply = write_from(0, X2APIC(0x38), 1000);
        assert_int_equal(reply.word[2], now + (UINT64_C(2000) << divider));
        assert_int_equal(read(X2APIC(0x38)), 1000);
        assert_int_equal(read(X2APIC(0x39)), 1000);
        now += UINT64_C(500) << divider;
        assert_int_equal(read(X2APIC(0x39)), 750);
    }
    assert_int_equal(write_from(0, X2APIC(0x38), UINT32_MAX).word[2],
                     now + (UINT64_C(16) * UINT32_MAX));
    assert_int_equal(write_from(0, X2APIC(0x38), 0).word[2], DEADLINE_NEVER);
    assert_int_equal(read(X2APIC(0x39)), 0);
    expect_refused(X2APIC(0x38), UINT64_C(1) << 32);
    write(X2APIC(0x38), 10);
    now += 1000; // has expired, but nobody heard of it
    write(X2APIC(0x38), 1000);
    assert_int_equal(guest_takes(VCPU), 0x30);
}

static void test_a_period_goes_on(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x3e), 0xb);
    write(X2APIC(0x32), 0x20030);
    const struct reply set = write_from(0, X2APIC(0x38), 1000);
    assert_int_equal(set.word[2], now + 1000);
    for (unsigned i = 0; i < 3; i++) {
        now += 1000;
        const struct message expired = record(EXIT_TIMER, VM, 0);
        const struct reply reply = serve_after_deaths(&expired);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_DEADLINE);
        assert_int_equal(reply.word[2], now + 1000);
        assert_int_equal(guest_takes(VCPU), 0x30);
        write(X2APIC(0x0b), 0);
    }
}

static void test_interrupts_between_cpus(void **state) {
    (void)state;
    turn_on(0);
    turn_on(1);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0x44);
    assert_int_equal(guest_takes(VCPU), 0);
    assert_int_equal(guest_takes(VCPU + 1), 0x44);
    write(X2APIC(0x30), 2u << 18 | 0x55); // to all
    assert_int_equal(guest_takes(VCPU), 0x55);
    assert_int_equal(guest_takes(VCPU + 1), 0x55);
    assert_int_equal(guest_takes(OTHER_VCPU), 0);
    write_from(1, X2APIC(0x0b), 0);
    write_from(1, X2APIC(0x0b), 0);
    write_from(1, X2APIC(0x3f), 0x66); // to itself
    assert_int_equal(guest_takes(VCPU + 1), 0x66);
    assert_int_equal(guest_takes(VCPU), 0);
}

static void test_a_vcpu_is_started_by_another(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0xc500);
    expect_inputs(VCPU + 1, (const uint64_t[]){INPUT_INIT}, 1);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0x699);
    expect_inputs(VCPU + 1, (const uint64_t[]){INPUT_STARTUP + 0x99}, 1);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0x699);
    expect_inputs(VCPU + 1, NULL, 0);
    turn_on(1);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0x44);
    write(X2APIC(0x30), UINT64_C(3) << 18 | 0x400);
    expect_inputs(VCPU + 1, (const uint64_t[]){INPUT_NMI}, 1);
    write(X2APIC(0x30), UINT64_C(3) << 18 | 0x500);
    expect_inputs(VCPU + 1, (const uint64_t[]){INPUT_INIT}, 1);
    assert_int_equal(guest_takes(VCPU + 1), 0);
    write(X2APIC(0x30), UINT64_C(7) << 32 | 0x500); // which there is not
    expect_inputs(0, NULL, 0);
}

static void test_the_least_busy_gets_it(void **state) {
    (void)state;
    turn_on(0);
    turn_on(1);
    write(X2APIC(0x08), 0x30);
    write(X2APIC(0x30), UINT64_C(3) << 32 | 0x945); // both, by name
    assert_int_equal(guest_takes(VCPU), 0);
    assert_int_equal(guest_takes(VCPU + 1), 0x45);
    write(X2APIC(0x08), 0);
    write(X2APIC(0x30), UINT64_C(3) << 32 | 0x946);
    assert_int_equal(guest_takes(VCPU), 0x46);
    assert_int_equal(guest_takes(VCPU + 1), 0);
}

// A CPU that would lose it is never the least busy one.
static void test_who_is_off_does_not_get_it(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x08), 0x30);
    write(X2APIC(0x30), UINT64_C(0xff) << 32 | 0x945); // by name; the other has not been started
    assert_int_equal(guest_takes(VCPU), 0x45);
    turn_on(1);
    write_from(1, X2APIC(0x0f), 0xff); // off by software
    write(X2APIC(0x0b), 0);
    write(X2APIC(0x30), UINT64_C(3) << 32 | 0x946);
    assert_int_equal(guest_takes(VCPU), 0x46);
    turn_on(1);
    write(X2APIC(0x30), UINT64_C(3) << 32 | 0x947);
    assert_int_equal(guest_takes(VCPU + 1), 0x47);
    assert_int_equal(guest_takes(VCPU), 0);
    write(X2APIC(0x0b), 0);
    write(X2APIC(0x30), UINT64_C(1) << 32 | 0x500); // INIT
    input_count = 0;
    write(X2APIC(0x30), UINT64_C(3) << 32 | 0x948);
    assert_int_equal(guest_takes(VCPU), 0x48);
}

static void test_what_is_urgent_is_first(void **state) {
    (void)state;
    turn_on(0);
    write(X2APIC(0x3f), 0x31);
    write(X2APIC(0x3f), 0x71); // the first one is taken back
    assert_int_equal(guest_takes(VCPU), 0x71);
    assert_int_equal(guest_takes(VCPU), 0);
    write(X2APIC(0x0b), 0);
    assert_int_equal(guest_takes(VCPU), 0x31);
    write(X2APIC(0x08), 0xf0);
    write(X2APIC(0x0b), 0);
    write(X2APIC(0x3f), 0x91);
    assert_int_equal(guest_takes(VCPU), 0);
    write(X2APIC(0x08), 0);
    assert_int_equal(guest_takes(VCPU), 0x91);
}

static void test_other_registers(void **state) {
    (void)state;
    assert_int_equal(read(BASE), 0xfee00900);
    now = 77;
    assert_int_equal(read(0x10), 77);
    assert_int_equal(read(0x8b), 0);
    reg[PAT] = 0x0007040600070406;
    assert_int_equal(read(0x277), reg[PAT]);
    reg[EFER] = 0x1d01;
    assert_int_equal(read(0xc0000080), 0xd01);
    expect_not_there(X2APIC(2)); // by memory yet
    expect_not_there(0x1a0);
    expect_not_there(0xc0010117); // VM_HSAVE_PA
    expect_refused(0xc0010117, 0x1000);
    expect_refused(BASE, 0xfed00900);
    expect_refused(0x10, 0);
}

static void test_efer_and_pat_are_looked_at(void **state) {
    (void)state;
    struct reply reply = write_from(0, 0xc0000080, 0x901);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(EFER));
    assert_int_equal(reply.word[0], 0x901);
    expect_refused(0xc0000080, 0x1901); // SVME
    expect_refused(0xc0000080, 1u << 13);
    reg[CR0] = 0x80000011;
    reg[EFER] = 0x1d01;
    expect_refused(0xc0000080, 0x801); // no way out of long mode with paging
    reply = write_from(0, 0xc0000080, 0xd00);
    assert_int_equal(reply.word[0], 0xd00);
    reply = write_from(0, 0x277, 0x0007040600070106);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(PAT));
    expect_refused(0x277, 0x0007040600070206);
    expect_refused(0x277, UINT64_C(0x80) << 56);
}

static struct pc_cpuid_result cpuid(unsigned vcpu, uint32_t leaf, uint32_t subleaf) {
    const struct message made = access(vcpu, 0x72, subleaf, leaf);
    const struct reply reply = serve(&made);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
    return (struct pc_cpuid_result){(uint32_t)reply.word[0], (uint32_t)(reply.word[0] >> 32),
                                    (uint32_t)reply.word[1], (uint32_t)(reply.word[1] >> 32)};
}

// An INIT, or the VM's end, came during the service: an answer to nobody, and the server goes on.
static void test_a_stopped_vcpu_needs_no_answer(void **state) {
    (void)state;
    const uint64_t codes[] = {0x7c, UINT64_C(1) << 32 | 0x7c, 0x18};
    is_stopped = true;
    for (unsigned i = 0; i < 3; i++) {
        const struct message made = access(0, codes[i], 0xc0000080, 0x501);
        assert_int_equal(run(&made, 0), FAKERT_WAITING);
        assert_int_equal(fakert_only_answer()->flags, 0);
    }
}

static void test_cpuid(void **state) {
    (void)state;
    assert_int_equal(cpuid(0, 0, 0).a, 11);
    assert_int_equal(cpuid(0, 0, 0).d, 3);
    const struct pc_cpuid_result features = cpuid(1, 1, 0);
    assert_int_equal(features.b >> 24, 1);
    assert_int_equal(features.b >> 16 & 0xff, 2);
    assert_true(features.d >> 28 & 1);
    const unsigned there[] = {21, 24, 31}, hidden[] = {3, 5, 12, 17, 26, 27, 28, 29};
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        assert_true(features.c >> there[i] & 1);
    }
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        assert_false(features.c >> hidden[i] & 1);
    }
    assert_false(cpuid(0, 0x80000001, 0).c >> 2 & 1); // SVM
    assert_false(cpuid(0, 0x80000001, 0).d >> 27 & 1);
    assert_true(cpuid(0, 0x80000001, 0).d >> 29 & 1);
    assert_int_equal(cpuid(0, 0x80000000, 0).a, 0x80000008);
    assert_int_equal(cpuid(0, 0x80000008, 0).c, 0x1001);
    assert_true(cpuid(0, 0x80000001, 0).c >> 1 & 1);
    const struct pc_cpuid_result levels[] = {cpuid(1, 11, 0), cpuid(1, 11, 1), cpuid(1, 11, 2)};
    assert_true(levels[0].a == 0 && levels[0].b == 1 && levels[0].c == 0x100 && levels[0].d == 1);
    assert_true(levels[1].a == 1 && levels[1].b == 2 && levels[1].c == 0x201 && levels[1].d == 1);
    assert_true(levels[2].a == 0 && levels[2].b == 0 && levels[2].c == 2 && levels[2].d == 1);
    assert_int_equal(cpuid(0, 7, 1).b, 0);
    const uint32_t nothing[] = {2, 4, 0xd, 0x15, 0x8000000a, 0x80000009, 0xffffffff, 0x40000001};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        const struct pc_cpuid_result found = cpuid(0, nothing[i], 0);
        assert_int_equal(found.a | found.b | found.c | found.d, 0);
    }
    const struct pc_cpuid_result name = cpuid(0, 0x40000000, 0);
    assert_int_equal(name.a, 0x40000010);
    assert_memory_equal(&name.b, "ExeuntExeunt", 12);
    assert_int_equal(cpuid(0, 0x40000010, 0).a, 2000);
    assert_int_equal(cpuid(0, 0x40000010, 0).b, 2000);
}

static void test_instructions_that_are_not_there(void **state) {
    (void)state;
    const uint64_t codes[] = {0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8d, 0x7a};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct message made = access(0, codes[i], 0, 0);
        expect_fault(serve(&made), 6);
    }
    const struct message counters = access(0, 0x6f, 0, 0);
    expect_fault(serve(&counters), 13);
}

static struct reply control(uint64_t which, const char *bytes, size_t count) {
    struct message made = access(0, which, 0, 0);
    made.pc = CODE_AT;
    memset(code, 0x90, sizeof(code));
    memcpy(code, bytes, count);
    return serve_after_deaths(&made);
}
#define CONTROL(which, bytes) control(which, bytes, sizeof(bytes) - 1)

static void expect_write(struct reply reply, unsigned number, uint64_t value, unsigned length) {
    assert_int_equal(reply.flags,
                     REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(number));
    assert_int_equal(reply.word[0], value);
    assert_int_equal(reply.word[6], length);
}

static void test_control_registers(void **state) {
    (void)state;
    const uint64_t cs = reg[CS], long_code = UINT64_C(1) << 25;
    reg[CS] = long_code;
    reg[EFER] = 0x1d01;
    reg[0] = 0x310620;
    reg[13] = 0xa0;
    reg[3] = UINT64_C(0x1000000a0);
    expect_write(CONTROL(0x14, "\x0f\x22\xe0"), CR4, 0x310620, 3);
    expect_write(CONTROL(0x14, "\x66\x2e\x41\x0f\x22\xe5"), CR4, 0xa0, 6);
    expect_write(CONTROL(0x14, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x22\xe0"), CR4,
                 0x310620, 15);
    expect_fault(CONTROL(0x14, "\x0f\x22\xe3"), 13); // above 32 bits
    const uint64_t wrong[] = {0, 0x40, 1u << 18 | 0x20, 1u << 22 | 0x20, 1u << 17 | 0x20};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        reg[0] = wrong[i];
        expect_fault(CONTROL(0x14, "\x0f\x22\xe0"), 13);
    }
    reg[CS] = cs; // of 32 bits: what is above does not count, and there is no REX
    reg[EFER] = 0x1000;
    expect_write(CONTROL(0x14, "\x0f\x22\xe3"), CR4, 0xa0, 3);
    expect_fault(CONTROL(0x14, "\x41\x0f\x22\xe5"), 6);
    fetch_fails = true;
    expect_fault(CONTROL(0x14, "\x0f\x22\xe0"), 6);
    fetch_fails = false;
}

static void test_cr8_is_the_tasks_priority(void **state) {
    (void)state;
    turn_on(0);
    reg[CS] = UINT64_C(1) << 25;
    reg[11] = 6;
    struct reply reply = CONTROL(0x18, "\x45\x0f\x22\xc3");
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 4);
    assert_int_equal(read(X2APIC(8)), 0x60);
    expect_inputs(VCPU, (const uint64_t[]){INPUT_PRIORITY + 6}, 1);
    write(X2APIC(0x3f), 0x55);
    assert_int_equal(guest_takes(VCPU), 0);
    write(X2APIC(8), 0x6f);
    assert_int_equal(input_count, 0); // it is the same for CR8
    write(X2APIC(8), 0xf0);
    expect_inputs(VCPU, (const uint64_t[]){INPUT_PRIORITY + 15}, 1);
    reg[11] = 16;
    expect_fault(CONTROL(0x18, "\x45\x0f\x22\xc3"), 13);
    reg[11] = 4;
    CONTROL(0x18, "\x45\x0f\x22\xc3");
    expect_inputs(VCPU, (const uint64_t[]){INPUT_PRIORITY + 4}, 1);
    assert_int_equal(guest_takes(VCPU), 0x55);
}

static void test_caches_are_the_hardwares(void **state) {
    (void)state;
    const struct reply reply = CONTROL(0x89, "\x66\x0f\x09");
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 3);
    assert_int_equal(CONTROL(0x76, "\x0f\x08").word[6], 2);
}

static void test_programs_have_no_control_registers(void **state) {
    (void)state;
    const uint64_t codes[] = {0x14, 0x18, 0x76, 0x89};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct message made = access(0, codes[i], 0, 0);
        made.info = MESSAGE_INFO(EXIT_SYSREG, 0, 0);
        expect_fault(serve(&made), 13);
    }
}

static void test_a_guest_that_waits_is_let_wait(void **state) {
    (void)state;
    struct message made = record(EXIT_IDLE, OTHER_VM, 0);
    assert_int_equal(serve(&made).flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_PARK);
    made.word[1] = 1;
    assert_int_equal(serve(&made).flags, REPLY_FLAGS | REPLY_ADVANCE);
}

static struct message page_access(uint64_t vm, uint64_t vcpu, uint64_t offset, uint64_t value,
                                  uint64_t exit) {
    struct message made = fakert_record(EXIT_CALL, 0, 0, 0);
    const uint64_t words[] = {LAPIC_ACCESS, vm, vcpu, offset, value, exit};
    memcpy(made.word, words, sizeof(words));
    return made;
}

static uint64_t store(unsigned offset, uint32_t value) {
    const struct message made = page_access(VM, 0, LAPIC_WRITE | offset, value, ++seq[0][0]);
    const struct reply reply = serve_after_deaths(&made);
    assert_int_equal(reply.word[0], STATUS_OK);
    return reply.word[2];
}

static uint64_t load(unsigned offset) {
    const struct message made = page_access(VM, 0, offset, 0, ++seq[0][0]);
    const struct reply reply = serve_after_deaths(&made);
    assert_int_equal(reply.word[0], STATUS_OK);
    return reply.word[1];
}

static void test_the_page_by_calls(void **state) {
    (void)state;
    assert_int_equal(load(0x30), 0x50014);
    store(0xf0, 0x1ff);
    store(0x3e0, 0xb);
    store(0x320, 0x45);
    assert_int_equal(store(0x380, 1000), now + 1000);
    now += 250;
    assert_int_equal(load(0x390), 750);
    now += 750;
    const struct message expired = record(EXIT_TIMER, VM, 0);
    serve_after_deaths(&expired);
    assert_int_equal(guest_takes(VCPU), 0x45);
    assert_int_equal(load(0x120), 1u << 5);
    assert_int_equal(store(0xb0, 0), DEADLINE_NEVER);
    store(0x300, 1u << 18 | 0x46);
    assert_int_equal(guest_takes(VCPU), 0x46);
    const struct message strangers[] = {
        page_access(8, 0, 0, 0, 1),
        page_access(VM, 2, 0, 0, 1),
        page_access(VM, 256, 0, 0, 1),
        page_access(300, 0, 0, 0, 1),
    };
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        assert_int_equal(serve(&strangers[i]).word[0], STATUS_NOT_FOUND);
    }
    struct message unknown = page_access(VM, 0, 0, 0, 1);
    unknown.word[0] = 77;
    assert_int_equal(serve(&unknown).word[0], STATUS_UNSUPPORTED);
}

static void test_vcpus_that_nobody_named_end_the_server(void **state) {
    (void)state;
    const struct message strangers[] = {record(EXIT_TIMER, OTHER_VM, 1), record(EXIT_TIMER, VM, 0)};
    assert_int_equal(run(&strangers[0], 0), FAKERT_DIED);
    struct message other = strangers[1];
    other.badge = 300;
    assert_int_equal(run(&other, 0), FAKERT_DIED);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_becomes_an_interrupt),
        TEST(no_deadline_is_lost),
        TEST(a_count_is_set),
        TEST(a_period_goes_on),
        TEST(interrupts_between_cpus),
        TEST(a_vcpu_is_started_by_another),
        TEST(the_least_busy_gets_it),
        TEST(who_is_off_does_not_get_it),
        TEST(what_is_urgent_is_first),
        TEST(other_registers),
        TEST(efer_and_pat_are_looked_at),
        TEST(a_stopped_vcpu_needs_no_answer),
        TEST(cpuid),
        TEST(instructions_that_are_not_there),
        TEST(control_registers),
        TEST(programs_have_no_control_registers),
        TEST(cr8_is_the_tasks_priority),
        TEST(caches_are_the_hardwares),
        TEST(a_guest_that_waits_is_let_wait),
        TEST(the_page_by_calls),
        TEST(vcpus_that_nobody_named_end_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
