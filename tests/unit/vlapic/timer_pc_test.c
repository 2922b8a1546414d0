// timer-server as x86_64 has it: a local APIC's timer, by MSRs and by its page; what it has
// pending.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/lapic.h"
#include "tests/unit/vlapic/world.h"

#define DEADLINE 0x6e0u

static struct message page_access(uint64_t vm, uint64_t vcpu, uint64_t offset, uint64_t value,
                                  uint64_t exit) {
    struct message made = fakert_record(EXIT_CALL, 0, 0, 0);
    const uint64_t words[] = {LAPIC_ACCESS, vm, vcpu, offset, value, exit};
    memcpy(made.word, words, sizeof(words));
    return made;
}

static uint64_t store(unsigned offset, uint32_t value) {
    const struct message made =
        page_access(WORLD_VM, 0, LAPIC_WRITE | offset, value, ++world.seq[0][0]);
    const struct reply reply = world_serve_after_deaths(&made);
    assert_int_equal(reply.word[0], STATUS_OK);
    return reply.word[2];
}

static uint64_t load(unsigned offset) {
    const struct message made = page_access(WORLD_VM, 0, offset, 0, ++world.seq[0][0]);
    const struct reply reply = world_serve_after_deaths(&made);
    assert_int_equal(reply.word[0], STATUS_OK);
    return reply.word[1];
}

static void test_a_deadline_becomes_an_interrupt(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x32), 0x40020);
    for (unsigned i = 0; i < 3; i++) {
        struct reply reply = world_write_from(0, DEADLINE, world.now + 100);
        assert_true(reply.flags & REPLY_DEADLINE);
        assert_int_equal(reply.word[2], world.now + 100);
        world.now += 100;
        const struct message expired = world_record(EXIT_TIMER, WORLD_VM, 0);
        reply = world_serve_after_deaths(&expired);
        assert_int_equal(reply.flags, REPLY_FLAGS);
        assert_int_equal(world_takes(WORLD_VCPU), 0x20);
        assert_int_equal(world_takes(WORLD_VCPU), 0);
        world_write(WORLD_X2APIC(0x0b), 0);
    }
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0);
}

// The next deadline is set before anybody heard that the last one has passed.
static void test_no_deadline_is_lost(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x32), 0x40020);
    world_write(DEADLINE, world.now + 100);
    world.now += 150;
    world_write(DEADLINE, world.now + 100);
    assert_int_equal(world_takes(WORLD_VCPU), 0x20);
}

// In whichever way it is served: quick.c has one for what only moves the expiry.
static void test_a_count_is_set(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x32), 0x30);
    for (unsigned divider = 0; divider < 4; divider++) { // by 2, 4, 8, 16
        world_write(WORLD_X2APIC(0x3e), divider);
        struct reply reply = world_write_from(0, WORLD_X2APIC(0x38), 1000);
        assert_int_equal(reply.word[2], world.now + (UINT64_C(2000) << divider));
        assert_int_equal(world_read(WORLD_X2APIC(0x38)), 1000);
        assert_int_equal(world_read(WORLD_X2APIC(0x39)), 1000);
        world.now += UINT64_C(500) << divider;
        assert_int_equal(world_read(WORLD_X2APIC(0x39)), 750);
    }
    assert_int_equal(world_write_from(0, WORLD_X2APIC(0x38), UINT32_MAX).word[2],
                     world.now + (UINT64_C(16) * UINT32_MAX));
    assert_int_equal(world_write_from(0, WORLD_X2APIC(0x38), 0).word[2], DEADLINE_NEVER);
    assert_int_equal(world_read(WORLD_X2APIC(0x39)), 0);
    world_expect_refused(WORLD_X2APIC(0x38), UINT64_C(1) << 32);
    world_write(WORLD_X2APIC(0x38), 10);
    world.now += 1000; // has expired, but nobody heard of it
    world_write(WORLD_X2APIC(0x38), 1000);
    assert_int_equal(world_takes(WORLD_VCPU), 0x30);
}

// The same by the page, and what is not to be taken for that: it is masked, waits for a deadline,
// is off, or the page is not there.
static void test_a_count_is_set_by_the_page(void **state) {
    (void)state;
    assert_int_equal(store(0x380, 1000), DEADLINE_NEVER); // off
    store(0xf0, 0x1ff);
    assert_int_equal(store(0x380, 1000), DEADLINE_NEVER); // masked
    store(0x320, 0x30);
    for (unsigned divider = 0; divider < 4; divider++) {
        store(0x3e0, divider);
        assert_int_equal(store(0x380, 1000), world.now + (UINT64_C(2000) << divider));
        assert_int_equal(load(0x380), 1000);
        world.now += UINT64_C(500) << divider;
        assert_int_equal(load(0x390), 750);
    }
    assert_int_equal(store(0x380, UINT32_MAX), world.now + (UINT64_C(16) * UINT32_MAX));
    assert_int_equal(store(0x380, 0), DEADLINE_NEVER);
    store(0x380, 10);
    world.now += 1000; // has expired, but nobody heard of it
    assert_int_equal(store(0x380, 1000), world.now + 16000);
    assert_int_equal(world_takes(WORLD_VCPU), 0x30);
    store(0x320, 0x40030);
    assert_int_equal(store(0x380, 1000), DEADLINE_NEVER);
    store(0x320, 0x30);
    world_write(0x1b, 0xfee00d00); // x2APIC
    assert_int_equal(store(0x380, 1000), DEADLINE_NEVER);
    assert_int_equal(world_read(WORLD_X2APIC(0x38)), 0);
}

static void test_a_period_goes_on(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x3e), 0xb);
    world_write(WORLD_X2APIC(0x32), 0x20030);
    const struct reply set = world_write_from(0, WORLD_X2APIC(0x38), 1000);
    assert_int_equal(set.word[2], world.now + 1000);
    for (unsigned i = 0; i < 3; i++) {
        world.now += 1000;
        const struct message expired = world_record(EXIT_TIMER, WORLD_VM, 0);
        const struct reply reply = world_serve_after_deaths(&expired);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_DEADLINE);
        assert_int_equal(reply.word[2], world.now + 1000);
        assert_int_equal(world_takes(WORLD_VCPU), 0x30);
        world_write(WORLD_X2APIC(0x0b), 0);
    }
}

static void test_what_is_urgent_is_first(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x3f), 0x31);
    world_write(WORLD_X2APIC(0x3f), 0x71); // the first one is taken back
    assert_int_equal(world_takes(WORLD_VCPU), 0x71);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    world_write(WORLD_X2APIC(0x0b), 0);
    assert_int_equal(world_takes(WORLD_VCPU), 0x31);
    world_write(WORLD_X2APIC(0x08), 0xf0);
    world_write(WORLD_X2APIC(0x0b), 0);
    world_write(WORLD_X2APIC(0x3f), 0x91);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    world_write(WORLD_X2APIC(0x08), 0);
    assert_int_equal(world_takes(WORLD_VCPU), 0x91);
}

static void test_a_guest_that_waits_is_let_wait(void **state) {
    (void)state;
    struct message made = world_record(EXIT_IDLE, WORLD_OTHER_VM, 0);
    assert_int_equal(world_serve(&made).flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_PARK);
    made.word[1] = 1;
    assert_int_equal(world_serve(&made).flags, REPLY_FLAGS | REPLY_ADVANCE);
}

// Its timer by itself ends no HLT.
static void test_a_guest_that_waits_waits_on_when_its_timer_fires(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x3e), 0xb);
    for (unsigned periodic = 0; periodic < 2; periodic++) {
        world_write(WORLD_X2APIC(0x32), 0x30 | periodic << 17);
        world_write(WORLD_X2APIC(0x38), 1000);
        world.now += 1000;
        struct message expired = world_record(EXIT_TIMER, WORLD_VM, 0);
        expired.info |= MESSAGE_INFO(0, 0, 1);
        const struct reply reply = world_serve_after_deaths(&expired);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_PARK | (periodic ? REPLY_DEADLINE : 0));
        assert_int_equal(world_takes(WORLD_VCPU), 0x30); // if it can
        world_write(WORLD_X2APIC(0x0b), 0);
    }
}

static void test_the_page_by_calls(void **state) {
    (void)state;
    assert_int_equal(load(0x30), 0x50014);
    store(0xf0, 0x1ff);
    store(0x3e0, 0xb);
    store(0x320, 0x45);
    assert_int_equal(store(0x380, 1000), world.now + 1000);
    world.now += 250;
    assert_int_equal(load(0x390), 750);
    world.now += 750;
    const struct message expired = world_record(EXIT_TIMER, WORLD_VM, 0);
    world_serve_after_deaths(&expired);
    assert_int_equal(world_takes(WORLD_VCPU), 0x45);
    assert_int_equal(load(0x120), 1u << 5);
    assert_int_equal(store(0xb0, 0), DEADLINE_NEVER);
    store(0x300, 1u << 18 | 0x46);
    assert_int_equal(world_takes(WORLD_VCPU), 0x46);
    const struct message strangers[] = {
        page_access(8, 0, 0, 0, 1),
        page_access(WORLD_VM, 2, 0, 0, 1),
        page_access(WORLD_VM, 256, 0, 0, 1),
        page_access(300, 0, 0, 0, 1),
    };
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        assert_int_equal(world_serve(&strangers[i]).word[0], STATUS_NOT_FOUND);
    }
    struct message unknown = page_access(WORLD_VM, 0, 0, 0, 1);
    unknown.word[0] = 77;
    assert_int_equal(world_serve(&unknown).word[0], STATUS_UNSUPPORTED);
}

static void test_vcpus_that_nobody_named_end_the_server(void **state) {
    (void)state;
    const struct message strangers[] = {world_record(EXIT_TIMER, WORLD_OTHER_VM, 1),
                                        world_record(EXIT_TIMER, WORLD_VM, 0)};
    assert_int_equal(world_run(&strangers[0], 0), FAKERT_DIED);
    struct message other = strangers[1];
    other.badge = 300;
    assert_int_equal(world_run(&other, 0), FAKERT_DIED);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_becomes_an_interrupt),
        TEST(no_deadline_is_lost),
        TEST(a_count_is_set),
        TEST(a_count_is_set_by_the_page),
        TEST(a_period_goes_on),
        TEST(what_is_urgent_is_first),
        TEST(a_guest_that_waits_is_let_wait),
        TEST(a_guest_that_waits_waits_on_when_its_timer_fires),
        TEST(the_page_by_calls),
        TEST(vcpus_that_nobody_named_end_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
