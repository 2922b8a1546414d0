// System registers that trap, and belong to no device: which do nothing, which are undefined.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "servers/npf-pager/sysreg.h"

// Arm DDI 0487, D19.2.37; a register by the numbers that the manual gives it.
#define READ 1u
#define RT(x) ((x) << 5)
#define REGISTER(op0, op1, crn, crm, op2)                                                          \
    ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define ACTLR_EL1 REGISTER(3u, 0u, 1u, 0u, 1u)
#define MDSCR_EL1 REGISTER(2u, 0u, 0u, 2u, 2u)
#define DBGBCR15_EL1 REGISTER(2u, 0u, 0u, 15u, 5u)
#define OSLAR_EL1 REGISTER(2u, 0u, 1u, 0u, 4u)
#define MDCCSR_EL0 REGISTER(2u, 3u, 0u, 1u, 0u)
#define TRCOSLAR REGISTER(2u, 1u, 1u, 0u, 4u)
#define PMINTENSET_EL1 REGISTER(3u, 0u, 9u, 14u, 1u)
#define PMCR_EL0 REGISTER(3u, 3u, 9u, 12u, 0u)
#define PMCCNTR_EL0 REGISTER(3u, 3u, 9u, 13u, 0u)
#define PMUSERENR_EL0 REGISTER(3u, 3u, 9u, 14u, 0u)
#define PMEVCNTR0_EL0 REGISTER(3u, 3u, 14u, 8u, 0u)
#define PMCCFILTR_EL0 REGISTER(3u, 3u, 14u, 15u, 7u)
#define ICC_SGI0R_EL1 REGISTER(3u, 0u, 12u, 11u, 7u)
#define ICC_ASGI1R_EL1 REGISTER(3u, 0u, 12u, 11u, 6u)
#define CNTP_CTL_EL0 REGISTER(3u, 3u, 14u, 2u, 1u)
#define LORC_EL1 REGISTER(3u, 0u, 10u, 4u, 3u)

#define CLASS_UNKNOWN (0u << 26 | 1u << 25)
#define CLASS_SYSREG (0x18u << 26 | 1u << 25)

enum { USER, KERNEL };

static struct reply serve(uint32_t iss, unsigned mode) {
    struct message record = {.word = {iss, 0x1234}};
    record.info = MESSAGE_INFO(EXIT_SYSREG, 0, mode);
    struct reply reply = {0};
    sysreg_serve(&record, &reply);
    return reply;
}

static void expect_injected(struct reply reply, uint32_t syndrome) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], syndrome);
}

static const uint32_t zeroes[] = {ACTLR_EL1,     PMINTENSET_EL1, PMCR_EL0,      PMCCNTR_EL0,
                                  PMUSERENR_EL0, PMEVCNTR0_EL0,  PMCCFILTR_EL0, MDSCR_EL1,
                                  DBGBCR15_EL1,  OSLAR_EL1,      MDCCSR_EL0};

static void what_is_not_used_reads_as_zero(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof(zeroes) / sizeof(zeroes[0]); i++) {
        struct reply reply = serve(zeroes[i] | RT(9u) | READ, KERNEL);
        assert_int_equal(reply.flags,
                         REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(9));
        assert_int_equal(reply.word[0], 0);
        // Register 31 is the one that nothing can be written to.
        assert_int_equal(serve(zeroes[i] | RT(31u) | READ, KERNEL).flags,
                         REPLY_FLAGS | REPLY_ADVANCE);
        assert_int_equal(serve(zeroes[i] | RT(9u), KERNEL).flags, REPLY_FLAGS | REPLY_ADVANCE);
    }
}

static void a_program_is_refused_as_its_kernel_would(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof(zeroes) / sizeof(zeroes[0]); i++) {
        uint32_t read = zeroes[i] | RT(3u) | READ;
        expect_injected(serve(read, USER), CLASS_SYSREG | read);
    }
    expect_injected(serve(LORC_EL1, USER), CLASS_UNKNOWN);
}

static void interrupts_of_other_groups_are_ignored(void **state) {
    (void)state;
    assert_int_equal(serve(ICC_SGI0R_EL1 | RT(2u), KERNEL).flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(serve(ICC_ASGI1R_EL1 | RT(2u), KERNEL).flags, REPLY_FLAGS | REPLY_ADVANCE);
    expect_injected(serve(ICC_SGI0R_EL1 | RT(2u) | READ, KERNEL), CLASS_UNKNOWN);
}

static void everything_else_is_undefined(void **state) {
    (void)state;
    expect_injected(serve(CNTP_CTL_EL0 | READ, KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(LORC_EL1, KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(TRCOSLAR, KERNEL), CLASS_UNKNOWN);
    // The neighbours of those that are not.
    expect_injected(serve(REGISTER(3u, 0u, 1u, 0u, 2u), KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 3u, 9u, 11u, 0u), KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 3u, 9u, 15u, 0u), KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 3u, 14u, 7u, 0u), KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 2u, 14u, 8u, 0u), KERNEL), CLASS_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_used_reads_as_zero),
        cmocka_unit_test(a_program_is_refused_as_its_kernel_would),
        cmocka_unit_test(interrupts_of_other_groups_are_ignored),
        cmocka_unit_test(everything_else_is_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
