// A local APIC: registers in both modes, the timer's three, priorities, and interrupts between
// CPUs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/vlapic/vlapic.h"

#define ENABLED 0x800u
#define WIDE 0xc00u
#define MSR(number) (VLAPIC_MSR_FIRST + (number))
#define ID 0x02
#define VERSION 0x03
#define TPR 0x08
#define PPR 0x0a
#define EOI 0x0b
#define LDR 0x0d
#define SVR 0x0f
#define ISR 0x10
#define IRR 0x20
#define ESR 0x28
#define ICR 0x30
#define LVT_TIMER 0x32
#define LVT_LINT0 0x35
#define LVT_ERROR 0x37
#define INITIAL 0x38
#define CURRENT 0x39
#define DCR 0x3e
#define SELF 0x3f

static struct vlapic lapic;
static struct vlapic_ipi ipi;
static uint64_t now;
static uint64_t core[4]; // what the core has pending
static uint64_t cr8;     // what the guest reads
static uint64_t number;

static void put(unsigned which, uint64_t value) {
    assert_true(vlapic_write_msr(&lapic, MSR(which), value, now, &ipi));
}

static void refuse(uint32_t msr, uint64_t value) {
    const struct vlapic before = lapic;
    assert_false(vlapic_write_msr(&lapic, msr, value, now, &ipi));
    assert_false(ipi.is_due);
    assert_memory_equal(&before, &lapic, sizeof(lapic));
}

static uint64_t get(unsigned which) {
    uint64_t value = 0;
    assert_true(vlapic_read_msr(&lapic, MSR(which), now, &value));
    return value;
}

static bool core_has(unsigned vector) { return core[vector / 64] >> vector % 64 & 1; }

static bool core_has_any(void) { return (core[0] | core[1] | core[2] | core[3]) != 0; }

// What is due is given to the core.
static void settle(void) {
    struct vlapic_output output;
    for (unsigned i = 0; vlapic_next(&lapic, &output); i++) {
        assert_true(i < 8);
        assert_int_equal(output.number, ++number);
        const struct vlapic_output last = vlapic_last(&lapic);
        assert_true(last.effect == output.effect && last.vector == output.vector &&
                    last.number == output.number);
        const uint64_t bit = UINT64_C(1) << output.vector % 64;
        if (output.effect == VLAPIC_DO_RAISE) {
            assert_false(core_has_any());
            core[output.vector / 64] |= bit;
        } else if (output.effect == VLAPIC_DO_PRIORITY) {
            assert_int_equal(output.vector, lapic.priority >> 4);
            cr8 = output.vector;
        } else {
            assert_int_equal(output.effect, VLAPIC_DO_TAKE_BACK);
            assert_true(core_has(output.vector));
            core[output.vector / 64] &= ~bit;
        }
    }
}

// The guest takes what is pending. 0: nothing is.
static unsigned take(void) {
    settle();
    for (unsigned vector = 255; vector > 0; vector--) {
        if (core_has(vector)) {
            core[vector / 64] &= ~(UINT64_C(1) << vector % 64);
            assert_int_equal(lapic.given, vector);
            vlapic_accept(&lapic);
            return vector;
        }
    }
    return 0;
}

static void raise(unsigned vector) { vlapic_raise(&lapic, (uint8_t)vector); }

static int begin(void **unused) {
    (void)unused;
    memset(core, 0, sizeof(core));
    number = 0;
    now = 1000000;
    vlapic_reset(&lapic, 0);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | WIDE, now, &ipi));
    put(SVR, 0x1ff);
    return 0;
}

static void test_modes_follow_one_another(void **state) {
    (void)state;
    uint64_t value;
    vlapic_reset(&lapic, 3);
    assert_true(vlapic_read_msr(&lapic, VLAPIC_MSR_BASE, now, &value));
    assert_int_equal(value, VLAPIC_PAGE | ENABLED);
    assert_false(vlapic_read_msr(&lapic, MSR(ID), now, &value));
    assert_int_equal(vlapic_read_page(&lapic, 0x20, now), 3u << 24);
    refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | 0x400);
    refuse(VLAPIC_MSR_BASE, 0xfed00000 | ENABLED);
    refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | ENABLED | 1);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | WIDE, now, &ipi));
    assert_int_equal(vlapic_read_page(&lapic, 0x20, now), 0);
    assert_int_equal(get(ID), 3);
    refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | ENABLED);
    put(SVR, 0x1ff);
    put(TPR, 0x50);
    settle();
    assert_int_equal(cr8, 5);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE, now, &ipi));
    settle();
    assert_int_equal(cr8, 0);
    refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | WIDE);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | ENABLED, now, &ipi));
    assert_int_equal(vlapic_read_page(&lapic, 0x80, now), 0);
    assert_int_equal(vlapic_read_page(&lapic, 0xf0, now), 0xff);
    vlapic_reset(&lapic, 0); // the first CPU says so
    assert_true(vlapic_read_msr(&lapic, VLAPIC_MSR_BASE, now, &value));
    assert_int_equal(value, VLAPIC_PAGE | ENABLED | 0x100);
}

static void test_registers_by_msr(void **state) {
    (void)state;
    uint64_t value;
    assert_int_equal(get(VERSION), 0x00050014);
    assert_int_equal(get(LDR), 1);
    put(TPR, 0x20);
    assert_int_equal(get(TPR), 0x20);
    assert_int_equal(get(PPR), 0x20);
    put(LVT_LINT0, 0x10700);
    assert_int_equal(get(LVT_LINT0), 0x10700);
    const uint32_t not_there[] = {0x00, 0x04, 0x09, 0x0c, 0x0e, 0x29, 0x2f, 0x31, 0x3a, 0x40, 0xff};
    for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
        assert_false(vlapic_read_msr(&lapic, MSR(not_there[i]), now, &value));
        refuse(MSR(not_there[i]), 0);
    }
    const uint32_t not_to_write[] = {ID, VERSION, PPR, LDR, ISR, IRR, CURRENT};
    for (size_t i = 0; i < sizeof(not_to_write) / sizeof(not_to_write[0]); i++) {
        refuse(MSR(not_to_write[i]), 0);
    }
    const uint32_t not_to_read[] = {EOI, SELF};
    for (size_t i = 0; i < sizeof(not_to_read) / sizeof(not_to_read[0]); i++) {
        assert_false(vlapic_read_msr(&lapic, MSR(not_to_read[i]), now, &value));
    }
    refuse(MSR(EOI), 1);
    refuse(MSR(ESR), 1);
    refuse(MSR(TPR), 0x100);
    refuse(MSR(SELF), 0x100);
    refuse(MSR(LVT_TIMER), 3u << 17);
    refuse(MSR(INITIAL), UINT64_C(1) << 32);
    assert_false(vlapic_read_msr(&lapic, 0x900, now, &value));
    assert_false(vlapic_read_msr(&lapic, 0x7ff, now, &value));
}

static void test_the_page_is_the_same(void **state) {
    (void)state;
    vlapic_reset(&lapic, 1);
    vlapic_write_page(&lapic, 0xf0, 0x1ff, now, &ipi);
    vlapic_write_page(&lapic, 0x80, 0x30, now, &ipi);
    assert_int_equal(vlapic_read_page(&lapic, 0x80, now), 0x30);
    assert_int_equal(vlapic_read_page(&lapic, 0x81, now), 0);
    vlapic_write_page(&lapic, 0x84, 0x40, now, &ipi);
    assert_int_equal(vlapic_read_page(&lapic, 0x80, now), 0x30);
    assert_int_equal(vlapic_read_page(&lapic, 0x1080, now), 0);
    vlapic_write_page(&lapic, 0xd0, 0x02ffffff, now, &ipi);
    assert_int_equal(vlapic_read_page(&lapic, 0xd0, now), 0x02000000);
    assert_int_equal(vlapic_read_page(&lapic, 0xe0, now), 0xffffffff);
    vlapic_write_page(&lapic, 0x310, 0x05000000, now, &ipi);
    assert_false(ipi.is_due);
    vlapic_write_page(&lapic, 0x300, 0x41, now, &ipi);
    assert_true(ipi.is_due && ipi.destination == 5 && ipi.vector == 0x41 && !ipi.is_wide);
    assert_int_equal(vlapic_read_page(&lapic, 0x310, now), 0x05000000);
    assert_int_equal(vlapic_read_page(&lapic, 0x300, now), 0x41);
}

static void test_a_deadline(void **state) {
    (void)state;
    uint64_t value;
    put(LVT_TIMER, 0x40000 | 0x20);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_DEADLINE, now + 500, now, &ipi));
    assert_int_equal(vlapic_deadline(&lapic), now + 500);
    assert_true(vlapic_read_msr(&lapic, VLAPIC_MSR_DEADLINE, now, &value));
    assert_int_equal(value, now + 500);
    vlapic_tick(&lapic, now + 499);
    assert_int_equal(take(), 0);
    vlapic_tick(&lapic, now + 500);
    assert_int_equal(take(), 0x20);
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
    assert_true(vlapic_read_msr(&lapic, VLAPIC_MSR_DEADLINE, now, &value));
    assert_int_equal(value, 0);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_DEADLINE, now + 9, now, &ipi));
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_DEADLINE, 0, now, &ipi));
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
    put(INITIAL, 1000); // counts in the other modes only
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
}

static void test_a_count(void **state) {
    (void)state;
    put(LVT_TIMER, 0x21);
    put(DCR, 0xb);
    put(INITIAL, 1000);
    assert_int_equal(vlapic_deadline(&lapic), now + 1000);
    now += 400;
    assert_int_equal(get(CURRENT), 600);
    assert_int_equal(get(INITIAL), 1000);
    put(DCR, 0x3); // by 16 from now on
    assert_int_equal(vlapic_deadline(&lapic), now + UINT64_C(600) * 16);
    now += UINT64_C(599) * 16;
    assert_int_equal(get(CURRENT), 1);
    now += 16;
    assert_int_equal(get(CURRENT), 0);
    vlapic_tick(&lapic, now);
    assert_int_equal(take(), 0x21);
    vlapic_tick(&lapic, now + 1000000);
    assert_int_equal(take(), 0);
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_DEADLINE, now + 5, now, &ipi)); // ignored
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
}

static void test_dividers(void **state) {
    (void)state;
    static const struct {
        unsigned dcr, divisor;
    } all[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    put(LVT_TIMER, 0x21);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        put(INITIAL, 0);
        put(DCR, all[i].dcr);
        assert_int_equal(get(DCR), all[i].dcr);
        put(INITIAL, UINT32_MAX);
        assert_int_equal(vlapic_deadline(&lapic), now + (uint64_t)UINT32_MAX * all[i].divisor);
    }
}

static void test_periods(void **state) {
    (void)state;
    put(DCR, 0xb);
    put(LVT_TIMER, 0x20000 | 0x22);
    put(INITIAL, 100);
    for (unsigned i = 1; i < 4; i++) {
        vlapic_tick(&lapic, now + i * 100);
        assert_int_equal(take(), 0x22);
        put(EOI, 0);
        assert_int_equal(vlapic_deadline(&lapic), now + i * 100 + 100);
    }
    vlapic_tick(&lapic, now + 1050); // some went by unnoticed
    assert_int_equal(vlapic_deadline(&lapic), now + 1100);
    assert_int_equal(take(), 0x22);
    put(LVT_TIMER, 0x30022); // masked: it goes on, unheard
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
    now += 1150;
    vlapic_tick(&lapic, now);
    put(EOI, 0);
    assert_int_equal(take(), 0);
    assert_true(get(CURRENT) > 0);
    put(INITIAL, 0);
    assert_int_equal(get(CURRENT), 0);
}

static void test_priorities(void **state) {
    (void)state;
    raise(0x41);
    raise(0x82);
    raise(0x43);
    assert_int_equal(take(), 0x82);
    assert_int_equal(get(PPR), 0x80);
    assert_int_equal(get(ISR + 4), 1u << 2);
    assert_int_equal(get(IRR + 2), 1u << 1 | 1u << 3);
    assert_int_equal(take(), 0); // the same class or below waits
    raise(0x91);
    assert_int_equal(take(), 0x91);
    put(EOI, 0);
    assert_int_equal(take(), 0);
    put(EOI, 0);
    assert_int_equal(take(), 0x43);
    put(EOI, 0);
    put(TPR, 0x40);
    assert_int_equal(get(PPR), 0x40);
    assert_int_equal(take(), 0);
    put(TPR, 0x3f);
    assert_int_equal(take(), 0x41);
    put(EOI, 0);
    put(EOI, 0); // of nothing
    assert_int_equal(get(PPR), 0x3f);
}

static void test_the_less_urgent_is_taken_back(void **state) {
    (void)state;
    raise(0x31);
    settle();
    assert_true(core_has(0x31));
    assert_int_equal(get(IRR + 1), 1u << 17);
    raise(0x71);
    settle();
    assert_true(core_has(0x71) && !core_has(0x31));
    put(TPR, 0x70);
    settle();
    assert_false(core_has_any());
    assert_int_equal(get(IRR + 3), 1u << 17);
    put(TPR, 0);
    assert_int_equal(take(), 0x71);
    put(EOI, 0);
    assert_int_equal(take(), 0x31);
}

static void test_one_that_is_pending_is_pending_once(void **state) {
    (void)state;
    raise(0x50);
    raise(0x50);
    settle();
    raise(0x50); // the core has it, and the guest has not taken it
    assert_int_equal(take(), 0x50);
    raise(0x50); // while it is in service, one more may wait
    raise(0x50);
    assert_int_equal(take(), 0);
    put(EOI, 0);
    assert_int_equal(take(), 0x50);
    put(EOI, 0);
    assert_int_equal(take(), 0);
}

static void test_off_it_is_silent(void **state) {
    (void)state;
    put(LVT_TIMER, 0x40020);
    put(SVR, 0xff);
    assert_int_equal(get(LVT_TIMER), 0x50020);
    put(LVT_TIMER, 0x40020);
    assert_int_equal(get(LVT_TIMER), 0x50020);
    raise(0x50);
    assert_int_equal(take(), 0);
    put(SVR, 0x1ff);
    assert_int_equal(take(), 0);
    assert_int_equal(get(LVT_TIMER), 0x50020);
}

static void test_vectors_that_are_none(void **state) {
    (void)state;
    put(LVT_ERROR, 0x33);
    raise(15);
    assert_int_equal(take(), 0x33);
    assert_int_equal(get(ESR), 0);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0x40);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0);
    put(ICR, 0x0f);
    assert_false(ipi.is_due);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0x20);
}

static bool reaches(uint64_t command, uint32_t id, bool is_sender) {
    struct vlapic other;
    vlapic_reset(&other, id);
    assert_true(vlapic_write_msr(&other, VLAPIC_MSR_BASE, VLAPIC_PAGE | WIDE, now,
                                 &(struct vlapic_ipi){0}));
    put(ICR, command);
    return ipi.is_due && vlapic_ipi_is_for(&ipi, &other, is_sender);
}

static void test_destinations(void **state) {
    (void)state;
    assert_true(reaches(UINT64_C(2) << 32 | 0x40, 2, false));
    assert_false(reaches(UINT64_C(2) << 32 | 0x40, 3, false));
    assert_true(reaches(UINT64_C(0xffffffff) << 32 | 0x40, 7, false));
    assert_true(reaches(UINT64_C(0xffffffff) << 32 | 0x40, 0, true));
    assert_true(reaches(1u << 18 | 0x40, 0, true)); // itself
    assert_false(reaches(1u << 18 | 0x40, 1, false));
    assert_true(reaches(2u << 18 | 0x40, 0, true)); // all
    assert_true(reaches(2u << 18 | 0x40, 1, false));
    assert_false(reaches(3u << 18 | 0x40, 0, true)); // all others
    assert_true(reaches(3u << 18 | 0x40, 1, false));
    assert_true(reaches(UINT64_C(0x00010006) << 32 | 0x840, 17, false)); // by cluster and bit
    assert_true(reaches(UINT64_C(0x00010006) << 32 | 0x840, 18, false));
    assert_false(reaches(UINT64_C(0x00010006) << 32 | 0x840, 1, false));
    assert_false(reaches(UINT64_C(0x00010006) << 32 | 0x840, 19, false));
    for (unsigned mode = 1; mode < 8; mode++) { // to itself and to all: none but fixed ones
        assert_false(reaches(2u << 18 | mode << 8 | 0x40, 1, false));
        assert_false(reaches(1u << 18 | mode << 8 | 0x40, 0, true));
        const bool is_sent = mode != 2 && mode != 3 && mode != 7;
        assert_int_equal(reaches(3u << 18 | mode << 8 | 0x40, 1, false), is_sent);
        assert_int_equal(reaches(UINT64_C(1) << 32 | mode << 8 | 0x40, 1, false), is_sent);
    }
    assert_false(reaches(UINT64_C(1) << 32 | 0x8500, 1, false)); // the end of an INIT
    assert_true(reaches(UINT64_C(1) << 32 | 0xc500, 1, false));
    put(SELF, 0x66);
    assert_true(ipi.is_due && vlapic_ipi_is_for(&ipi, &lapic, true) && ipi.vector == 0x66);
    assert_int_equal(get(ICR), UINT64_C(1) << 32 | 0xc500);
}

static void receive(enum vlapic_mode mode, uint8_t vector) {
    const struct vlapic_ipi arrives = {.is_due = true, .mode = (uint8_t)mode, .vector = vector};
    vlapic_receive(&lapic, &arrives);
}

static void expect_next(enum vlapic_effect effect, unsigned vector) {
    struct vlapic_output output;
    assert_true(vlapic_next(&lapic, &output));
    assert_int_equal(output.effect, effect);
    assert_int_equal(output.number, ++number);
    if (effect == VLAPIC_DO_STARTUP) {
        assert_int_equal(output.vector, vector);
    }
}

static void expect_nothing(void) {
    struct vlapic_output output;
    assert_false(vlapic_next(&lapic, &output));
}

static void test_init_and_startup(void **state) {
    (void)state;
    receive(VLAPIC_STARTUP, 8); // it runs
    expect_nothing();
    raise(0x55);
    put(LVT_TIMER, 0x21);
    put(INITIAL, 1000);
    settle();
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_INIT, 0);
    expect_next(VLAPIC_DO_INIT, 0);
    expect_nothing();
    assert_int_equal(lapic.given, 0); // the core forgets all, too
    assert_int_equal(get(SVR), 0xff);
    assert_int_equal(vlapic_deadline(&lapic), VLAPIC_NEVER);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_FIXED, 0x44);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0x9a);
    receive(VLAPIC_STARTUP, 0x9b);
    expect_next(VLAPIC_DO_STARTUP, 0x9a);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0x9c);
    expect_nothing();
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_STARTUP, 0x10);
    expect_next(VLAPIC_DO_INIT, 0);
    expect_next(VLAPIC_DO_STARTUP, 0x10);
    expect_nothing();
}

static void test_others_wait_for_a_startup(void **state) {
    (void)state;
    vlapic_reset(&lapic, 3);
    number = 0;
    receive(VLAPIC_NMI, 0);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0xff);
    expect_next(VLAPIC_DO_STARTUP, 0xff);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_NMI, 0);
    expect_next(VLAPIC_DO_NMI, 0);
    expect_nothing();
}

static void test_off_it_hears_of_nobody(void **state) {
    (void)state;
    assert_true(vlapic_write_msr(&lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE, now, &ipi));
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_LOWEST, 0x50);
    expect_nothing();
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(modes_follow_one_another),
        TEST(registers_by_msr),
        TEST(the_page_is_the_same),
        TEST(a_deadline),
        TEST(a_count),
        TEST(dividers),
        TEST(periods),
        TEST(priorities),
        TEST(the_less_urgent_is_taken_back),
        TEST(one_that_is_pending_is_pending_once),
        TEST(off_it_is_silent),
        TEST(vectors_that_are_none),
        TEST(destinations),
        TEST(init_and_startup),
        TEST(others_wait_for_a_startup),
        TEST(off_it_hears_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
