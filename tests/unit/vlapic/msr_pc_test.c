// timer-server as x86_64 has it: model-specific registers that are not the local APIC's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vlapic/world.h"

#define BASE 0x1bu
#define CR0 17
#define EFER 21
#define PAT 28

static void expect_not_there(uint32_t msr) {
    const struct message made = world_access(0, WORLD_MSR, msr, 0);
    world_expect_fault(world_serve_after_deaths(&made), 13);
}

static void test_other_registers(void **state) {
    (void)state;
    assert_int_equal(world_read(BASE), 0xfee00900);
    world.now = 77;
    assert_int_equal(world_read(0x10), 77);
    assert_int_equal(world_read(0x8b), 0);
    world.reg[PAT] = 0x0007040600070406;
    assert_int_equal(world_read(0x277), world.reg[PAT]);
    world.reg[EFER] = 0x1d01;
    assert_int_equal(world_read(0xc0000080), 0xd01);
    expect_not_there(WORLD_X2APIC(2)); // by memory yet
    expect_not_there(0x1a0);
    expect_not_there(0xc0010117); // VM_HSAVE_PA
    world_expect_refused(0xc0010117, 0x1000);
    world_expect_refused(BASE, 0xfed00900);
    world_expect_refused(0x10, 0);
}

static void test_efer_and_pat_are_looked_at(void **state) {
    (void)state;
    struct reply reply = world_write_from(0, 0xc0000080, 0x901);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(EFER));
    assert_int_equal(reply.word[0], 0x901);
    world_expect_refused(0xc0000080, 0x1901); // SVME
    world_expect_refused(0xc0000080, 1u << 13);
    world.reg[CR0] = 0x80000011;
    world.reg[EFER] = 0x1d01;
    world_expect_refused(0xc0000080, 0x801); // no way out of long mode with paging
    reply = world_write_from(0, 0xc0000080, 0xd00);
    assert_int_equal(reply.word[0], 0xd00);
    reply = world_write_from(0, 0x277, 0x0007040600070106);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(PAT));
    world_expect_refused(0x277, 0x0007040600070206);
    world_expect_refused(0x277, UINT64_C(0x80) << 56);
}

// An INIT, or the WORLD_VM's end, came during the service: an answer to nobody, and the server goes
// on.
static void test_a_stopped_vcpu_needs_no_answer(void **state) {
    (void)state;
    const uint64_t codes[] = {0x7c, WORLD_WRITES | WORLD_MSR, 0x18};
    world.is_stopped = true;
    for (unsigned i = 0; i < 3; i++) {
        const struct message made = world_access(0, codes[i], 0xc0000080, 0x501);
        assert_int_equal(world_run(&made, 0), FAKERT_WAITING);
        assert_int_equal(fakert_only_answer()->flags, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(other_registers),
        TEST(efer_and_pat_are_looked_at),
        TEST(a_stopped_vcpu_needs_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
