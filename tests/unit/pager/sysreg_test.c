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
    sysreg_serve(&record, true, &reply);
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

// The values of QEMU's -cpu max and cortex-a76, and of what may come, as the CPU says them; and
// what a guest may see of that, by the manual's fields.
static void identification_registers_say_what_a_guest_has(void **state) {
    (void)state;
    static const struct {
        uint32_t reg;
        bool has_gic;
        uint64_t physical, seen;
    } wanted[] = {
        // PFR0: no SVE, RAS, MPAM, AMU, EL3, EL2, no AArch32 at EL1; CSV2 without SCXTNUM.
        {REGISTER(3u, 0u, 0u, 4u, 0u), true, 0x1201111121112222, 0x1101000001110012},
        {REGISTER(3u, 0u, 0u, 4u, 0u), false, 0x1201111121112222, 0x1101000000110012},
        // Without FP it stays so, and a GICv4.1's interface is a GICv3's.
        {REGISTER(3u, 0u, 0u, 4u, 0u), true, 0x0000000003ff1111, 0x0000000001ff0011},
        // PFR1: no SME, MTE, RNDR_trap, CSV2_frac, NMI; BTI and SSBS stay.
        {REGISTER(3u, 0u, 0u, 4u, 1u), true, 0x0000001101000321, 0x0000000000000021},
        // ZFR0, SMFR0, and a reserved one.
        {REGISTER(3u, 0u, 0u, 4u, 4u), true, 0x0110110100110021, 0},
        {REGISTER(3u, 0u, 0u, 4u, 5u), true, 0x80f100fd00000000, 0},
        {REGISTER(3u, 0u, 0u, 4u, 7u), true, UINT64_MAX, 0},
        // DFR0: of Armv8.0, two breakpoints and two watchpoints; no profiling, no tracing.
        {REGISTER(3u, 0u, 0u, 5u, 0u), true, 0x000001f210305619, 0x000000f000101106},
        // ISAR1: pointer authentication stays; no LS64, no XS.
        {REGISTER(3u, 0u, 0u, 6u, 1u), true, 0x2111111111211152, 0x0011111111211152},
        // ISAR2: no MOPS, no WFxT.
        {REGISTER(3u, 0u, 0u, 6u, 2u), true, 0x0000000001110022, 0x0000000001100000},
        // MMFR0: 40 bits of address, no LPA2, no fine-grained traps, no ECV.
        {REGISTER(3u, 0u, 0u, 7u, 0u), true, 0x1100022210211126, 0x0000000000111122},
        {REGISTER(3u, 0u, 0u, 7u, 0u), true, 0x00000000f0f00001, 0x00000000f0100001},
        // MMFR3 and later are all of registers that trap.
        {REGISTER(3u, 0u, 0u, 7u, 3u), true, UINT64_MAX, 0},
        {REGISTER(3u, 0u, 0u, 7u, 7u), true, UINT64_MAX, 0},
        // AArch32's: instructions as they are; no RAS and no AMU.
        {REGISTER(3u, 0u, 0u, 2u, 0u), true, 0x0000000002101110, 0x0000000002101110},
        {REGISTER(3u, 0u, 0u, 1u, 0u), true, 0x0000000021220131, 0x0000000001010131},
    };
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct message record = {.word = {wanted[i].reg | RT(4u) | READ, wanted[i].physical}};
        record.info = MESSAGE_INFO(EXIT_SYSREG, 0, KERNEL);
        struct reply reply = {0};
        sysreg_serve(&record, wanted[i].has_gic, &reply);
        assert_int_equal(reply.flags,
                         REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(4));
        assert_int_equal(reply.word[0], wanted[i].seen);
    }
    // They can't be written, and their neighbours are none of them.
    expect_injected(serve(REGISTER(3u, 0u, 0u, 4u, 0u), KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 0u, 0u, 8u, 0u) | READ, KERNEL), CLASS_UNKNOWN);
    expect_injected(serve(REGISTER(3u, 1u, 0u, 4u, 0u) | READ, KERNEL), CLASS_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_used_reads_as_zero),
        cmocka_unit_test(a_program_is_refused_as_its_kernel_would),
        cmocka_unit_test(interrupts_of_other_groups_are_ignored),
        cmocka_unit_test(everything_else_is_undefined),
        cmocka_unit_test(identification_registers_say_what_a_guest_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
