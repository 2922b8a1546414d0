// The extensions of SBI 2.0 that need no memory: what each function returns, and what it makes the
// core do. Numbers are the specification's.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sbi/world.h"

#define BASE 0x10
#define TIME 0x54494d45
#define IPI 0x735049
#define RFENCE 0x52464e43
#define HSM 0x48534d
#define SRST 0x53525354
#define DBCN 0x4442434e

#define FAILED (-1)
#define NOT_SUPPORTED (-2)
#define INVALID_PARAM (-3)
#define INVALID_ADDRESS (-5)
#define ALREADY_AVAILABLE (-6)

static const uint64_t effects = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;

static void test_base_tells_version_2_0(void **state) {
    (void)state;
    world_expect(world_call(BASE, 0, 0, 0, 0), 0, 0x02000000);
}

static void test_base_identifies_itself(void **state) {
    (void)state;
    struct reply id = world_call(BASE, 1, 0, 0, 0);
    // 0 to 11 are other implementations (4.9).
    world_expect(id, 0, id.word[1]);
    assert_true(id.word[1] > 11);
    world_expect(world_call(BASE, 2, 0, 0, 0), 0, 1);
    world_expect(world_call(BASE, 4, 0, 0, 0), 0, 0);
    world_expect(world_call(BASE, 5, 0, 0, 0), 0, 0);
    world_expect(world_call(BASE, 6, 0, 0, 0), 0, 0);
    world_expect(world_call(BASE, 7, 0, 0, 0), NOT_SUPPORTED, 0);
    world_expect(world_call(BASE, UINT64_MAX, 0, 0, 0), NOT_SUPPORTED, 0);
}

static void test_base_probes_what_there_is(void **state) {
    (void)state;
    const uint64_t there[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN};
    const uint64_t not_there[] = {9,
                                  0xf,
                                  0x11,
                                  0x504d55,   // PMU
                                  0x53555350, // SUSP
                                  0x43505043, // CPPC
                                  0x4e41434c, // NACL
                                  0x535441,   // STA
                                  TIME + (1ull << 32),
                                  TIME ^ 0x80,
                                  UINT64_MAX};
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        world_expect(world_call(BASE, 3, there[i], 0, 0), 0, 1);
    }
    for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
        world_expect(world_call(BASE, 3, not_there[i], 0, 0), 0, 0);
    }
}

static void test_unknown_calls_are_not_supported(void **state) {
    (void)state;
    const uint64_t extensions[] = {9,          0xf,        0x11,       0x504d55,  0x53555350,
                                   0x0a000000, 0x08000000, TIME + 128, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        world_expect(world_call(extensions[i], 0, 1, 2, 3), NOT_SUPPORTED, 0);
    }
    world_expect(world_call(TIME, 1, 1, 2, 3), NOT_SUPPORTED, 0);
    world_expect(world_call(IPI, 1, 1, 0, 3), NOT_SUPPORTED, 0);
    world_expect(world_call(RFENCE, 7, 1, 0, 3), NOT_SUPPORTED, 0);
    world_expect(world_call(HSM, 4, 0, 2, 3), NOT_SUPPORTED, 0);
    world_expect(world_call(SRST, 1, 0, 0, 3), NOT_SUPPORTED, 0);
    world_expect(world_call(DBCN, 3, 0, 0, 0), NOT_SUPPORTED, 0);
    world_expect(world_call(DBCN, 1ull << 32, 0, 0, 0), NOT_SUPPORTED, 0);
}

static void test_time_arms_the_deadline(void **state) {
    (void)state;
    const uint64_t times[] = {0, 1, 123456789, UINT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct reply reply = world_call(TIME, 0, times[i], 7, 8);
        assert_int_equal(reply.flags, REPLY_HYPERCALL_DEADLINE);
        assert_int_equal(reply.word[0], 0);
        assert_int_equal(reply.word[1], 0);
        assert_int_equal(reply.word[2], times[i]);
    }
}

static void expect_raise(struct reply reply, uint64_t harts) {
    assert_int_equal(reply.flags, effects | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_SOFTWARE));
    assert_int_equal(reply.word[0], 0);
    assert_int_equal(reply.word[4], harts);
}

static void start_hart_1(void) { assert_int_equal(world_call(HSM, 0, 1, WORLD_RAM, 0).word[0], 0); }

static void test_ipi_raises_software_interrupts(void **state) {
    (void)state;
    // A hart that is stopped gets none.
    expect_raise(world_call(IPI, 0, 3, 0, 0), 1);
    start_hart_1();
    expect_raise(world_call(IPI, 0, 1, 0, 0), 1);
    expect_raise(world_call(IPI, 0, 2, 0, 0), 2);
    expect_raise(world_call(IPI, 0, 3, 0, 0), 3);
    expect_raise(world_call(IPI, 0, 1, 1, 0), 2);
    // None: that is not the same as the one that calls.
    assert_int_equal(world_call(IPI, 0, 0, 0, 0).flags, effects);
    assert_int_equal(world_call_from(0, 1, IPI, 0, 0, 1, 0).flags, effects);
    // All, whatever the mask says.
    expect_raise(world_call(IPI, 0, 0, UINT64_MAX, 0), 3);
    expect_raise(world_call(IPI, 0, UINT64_MAX, UINT64_MAX, 0), 3);
}

static const struct {
    uint64_t mask, base;
} bad_lists[] = {
    {4, 0}, {UINT64_MAX, 0}, {2, 1},          {3, 1},  {1, 2},
    {0, 2}, {1, 63},         {1ull << 63, 1}, {1, 64}, {1, UINT64_MAX - 1},
};

static void test_hart_lists_with_others_are_invalid(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(bad_lists) / sizeof(bad_lists[0]); i++) {
        world_expect(world_call(IPI, 0, bad_lists[i].mask, bad_lists[i].base, 0), INVALID_PARAM, 0);
        for (uint64_t fid = 0; fid < 3; fid++) {
            world_expect(world_call(RFENCE, fid, bad_lists[i].mask, bad_lists[i].base, 0),
                         INVALID_PARAM, 0);
        }
    }
}

static void test_rfence_fences(void **state) {
    (void)state;
    for (uint64_t fid = 0; fid < 3; fid++) {
        struct reply reply = world_call(RFENCE, fid, 2, 0, 0x1000);
        assert_int_equal(reply.flags, effects | REPLY_FENCE);
        assert_int_equal(reply.word[0], 0);
        assert_int_equal(reply.word[4], 2);
        assert_int_equal(world_call(RFENCE, fid, 0, UINT64_MAX, 0).word[4], 3);
    }
    // Those of the hypervisor extension.
    for (uint64_t fid = 3; fid < 7; fid++) {
        world_expect(world_call(RFENCE, fid, 1, 0, 0), NOT_SUPPORTED, 0);
    }
}

static void test_hsm_starts_and_stops_harts(void **state) {
    (void)state;
    world_expect(world_call(HSM, 2, 0, 0, 0), 0, 0); // started
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 1); // stopped
    struct reply reply = world_call(HSM, 0, 1, WORLD_SECOND + 2, 0xdeadbeef);
    assert_int_equal(reply.flags, effects | REPLY_START);
    assert_int_equal(reply.word[0], 0);
    assert_int_equal(reply.word[2], 1);
    assert_int_equal(reply.word[3], WORLD_SECOND + 2);
    assert_int_equal(reply.word[4], 0xdeadbeef);
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 0);
    world_expect(world_call(HSM, 0, 1, WORLD_RAM, 0), ALREADY_AVAILABLE, 0);
    world_expect(world_call(HSM, 0, 0, WORLD_RAM, 0), ALREADY_AVAILABLE, 0);

    reply = world_call_from(0, 1, HSM, 1, 0, 0, 0);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 1);
    assert_int_equal(world_call(HSM, 0, 1, WORLD_RAM, 0).flags, effects | REPLY_START);
}

static void test_hsm_refuses_wrong_harts_and_addresses(void **state) {
    (void)state;
    const uint64_t harts[] = {2, 3, 63, 64, 1ull << 32, UINT64_MAX};
    for (size_t i = 0; i < sizeof(harts) / sizeof(harts[0]); i++) {
        world_expect(world_call(HSM, 0, harts[i], WORLD_RAM, 0), INVALID_PARAM, 0);
        world_expect(world_call(HSM, 2, harts[i], 0, 0), INVALID_PARAM, 0);
    }
    const uint64_t addresses[] = {0,
                                  WORLD_RAM - 2,
                                  WORLD_RAM + WORLD_RAM_SIZE,
                                  WORLD_RAM + 1,
                                  1ull << 63 | WORLD_RAM,
                                  UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        world_expect(world_call(HSM, 0, 1, addresses[i], 0), INVALID_ADDRESS, 0);
    }
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 1);
}

static void test_hsm_suspends_retentively(void **state) {
    (void)state;
    struct reply reply = world_call(HSM, 3, 0, 0, 0);
    assert_int_equal(reply.flags, effects | REPLY_PARK);
    assert_int_equal(reply.word[0], 0);
    // 32 bits count.
    assert_int_equal(world_call(HSM, 3, 1ull << 32, 0, 0).flags, effects | REPLY_PARK);
    world_expect(world_call(HSM, 3, 0x80000000, WORLD_RAM, 0), NOT_SUPPORTED, 0);
    const uint64_t reserved[] = {1, 0x0fffffff, 0x10000000, 0x7fffffff, 0x80000001, 0xffffffff};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        world_expect(world_call(HSM, 3, reserved[i], WORLD_RAM, 0), INVALID_PARAM, 0);
    }
}

static void test_a_start_that_the_core_refuses_has_failed(void **state) {
    (void)state;
    struct message start = world_record(0, 0, HSM, 0, 1, WORLD_RAM, 0);
    struct message refusal = start;
    memset(refusal.word, 0, sizeof(refusal.word));
    refusal.word[0] = STATUS_BUSY;
    refusal.info = MESSAGE_INFO(EXIT_REFUSED, 0, 1);
    fakert_send(&start);
    fakert_send(&refusal);
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    assert_int_equal(fakert.answer[0].flags, effects | REPLY_START);
    world_expect(fakert.answer[1], FAILED, 0);
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 1);
    // Answered the same way should it come again.
    world_expect(world_serve(&start), NOT_SUPPORTED + 1, 0);
}

static void test_any_other_refusal_is_an_error_of_the_manifest(void **state) {
    (void)state;
    struct message refusal = fakert_record(EXIT_REFUSED, 0, 0, 1);
    refusal.word[0] = STATUS_DENIED;
    fakert_send(&refusal);
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, status_text(STATUS_DENIED)));
}

static void expect_end(struct reply reply, uint64_t vm, enum vm_end end, uint64_t reason) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    assert_int_equal(call->slot, WORLD_INIT);
    assert_int_equal(call->answered, 0); // init hears of it before the vCPU stops
    assert_int_equal(call->word[0], INIT_VM_END);
    assert_int_equal(call->word[1], vm);
    assert_int_equal(call->word[2], end);
    assert_int_equal(call->word[3], reason);
}

static void test_srst_tells_init(void **state) {
    (void)state;
    expect_end(world_call(SRST, 0, 0, 0, 0), 0, VM_END_SHUTDOWN, 0);
    expect_end(world_call(SRST, 0, 0, 1, 0), 0, VM_END_SHUTDOWN, 1);
    expect_end(world_call(SRST, 0, 1, 0, 0), 0, VM_END_REBOOT, 0);
    expect_end(world_call(SRST, 0, 2, 1, 0), 0, VM_END_REBOOT, 1);
    expect_end(world_call_from(WORLD_OTHER, 0, SRST, 0, 0, 0, 0), WORLD_OTHER, VM_END_SHUTDOWN, 0);
    // 32 bits count.
    expect_end(world_call(SRST, 0, 1ull << 32, 1ull << 32, 0), 0, VM_END_SHUTDOWN, 0);
    // Told again when the answer got lost.
    struct message record = world_record(0, 0, SRST, 0, 0, 0, 0);
    expect_end(world_serve(&record), 0, VM_END_SHUTDOWN, 0);
    expect_end(world_serve(&record), 0, VM_END_SHUTDOWN, 0);
}

static void test_srst_refuses_reserved_values(void **state) {
    (void)state;
    const uint64_t types[] = {3, 0xefffffff, 0xf0000000, 0xffffffff};
    const uint64_t reasons[] = {2, 0xdfffffff, 0xe0000000, 0xf0000000, 0xffffffff};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        world_expect(world_call(SRST, 0, types[i], 0, 0), INVALID_PARAM, 0);
    }
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        world_expect(world_call(SRST, 0, 0, reasons[i], 0), INVALID_PARAM, 0);
    }
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
}

// Legacy calls return in a0 and leave a1 alone; the function number in a6 does not count.
#define LEGACY_FID 77
#define A1 0x1111

static void test_legacy_set_timer_arms_the_deadline(void **state) {
    (void)state;
    struct reply reply = world_call(0, LEGACY_FID, 5000, A1, 0);
    assert_int_equal(reply.flags, REPLY_HYPERCALL_DEADLINE);
    assert_int_equal(reply.word[0], 0);
    assert_int_equal(reply.word[1], A1);
    assert_int_equal(reply.word[2], 5000);
}

static void test_legacy_ipis_and_fences(void **state) {
    (void)state;
    struct reply reply = world_call(3, LEGACY_FID, 0, A1, 0);
    assert_int_equal(reply.flags, effects | REPLY_CLEAR | REPLY_INTERRUPT(INTERRUPT_SOFTWARE));
    assert_int_equal(reply.word[0], 0);
    assert_int_equal(reply.word[1], A1);
    start_hart_1();
    reply = world_call(4, LEGACY_FID, 0, A1, 0);
    expect_raise(reply, 3);
    assert_int_equal(reply.word[1], A1);
    for (uint64_t eid = 5; eid < 8; eid++) {
        reply = world_call(eid, LEGACY_FID, 0, A1, 0);
        assert_int_equal(reply.flags, effects | REPLY_FENCE);
        assert_int_equal(reply.word[0], 0);
        assert_int_equal(reply.word[1], A1);
        assert_int_equal(reply.word[4], 3);
    }
}

static void test_legacy_shutdown_ends_the_vm(void **state) {
    (void)state;
    expect_end(world_call(8, LEGACY_FID, 0, A1, 0), 0, VM_END_SHUTDOWN, 0);
}

static struct reply sysreg(uint32_t instruction) {
    struct message record = fakert_record(EXIT_SYSREG, 0, 0, 1);
    record.word[0] = instruction;
    return world_serve(&record);
}

static void test_time_can_be_read(void **state) {
    (void)state;
    fakert.now = 0x123456789abc;
    const uint32_t reads[] = {
        0xc0102573, // csrrs a0, time, x0: rdtime a0
        0xc0103573, // csrrc a0, time, x0
        0xc0106573, // csrrsi a0, time, 0
        0xc0107573, // csrrci a0, time, 0
    };
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct reply reply = sysreg(reads[i]);
        assert_int_equal(reply.flags,
                         REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(10));
        assert_int_equal(reply.word[0], 0x123456789abc);
    }
    // Into x0: nothing is written.
    assert_int_equal(sysreg(0xc0102073).flags, REPLY_FLAGS | REPLY_ADVANCE);
}

static void test_all_other_trapped_instructions_are_illegal(void **state) {
    (void)state;
    const uint32_t others[] = {
        0,          0xffffffff,
        0xc0101573, // csrrw a0, time, x0
        0xc0105573, // csrrwi a0, time, 0
        0xc0152573, // csrrs a0, time, a0
        0xc0100573, // no CSR instruction
        0xc0104573, // hypervisor load, reserved
        0xc0002573, // rdcycle a0
        0xc0202573, // rdinstret a0
        0x60002573, // csrr a0, hstatus
        0x62000073, // hfence.gvma
        0x10200073, // sret
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct reply reply = sysreg(others[i]);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
        assert_int_equal(reply.word[0], 2);
        assert_int_equal(reply.word[1], others[i]);
    }
}

static void test_a_cpu_that_cannot_go_on_is_reported(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_SHUTDOWN, WORLD_OTHER, 0, 1);
    record.word[0] = 5;
    record.word[1] = 0x1234;
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    const uint64_t expected[] = {INIT_VM_REPORT, WORLD_OTHER, REPORT_CPU, 5, 0x1234, record.pc};
    assert_memory_equal(call->word, expected, sizeof(expected));
}

static void test_records_that_are_no_exits_are_answered(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_CALL, 9, 0, 0);
    assert_int_equal(world_serve(&record).word[0], STATUS_UNSUPPORTED);
    record = fakert_record(EXIT_SIGNAL, 9, 0, 0);
    assert_int_equal(world_serve(&record).flags, 0);
}

static void test_exits_that_are_not_its_own_end_the_server(void **state) {
    (void)state;
    const enum exit_class classes[] = {EXIT_STAGE2, EXIT_TIMER, EXIT_IDLE, EXIT_IO, EXIT_FAULT};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        struct message record = fakert_record(classes[i], 0, 0, 1);
        fakert_reset();
        world_config();
        fakert_send(&record);
        assert_int_equal(fakert_run(sbi_server_main), FAKERT_DIED);
        assert_non_null(strstr(fakert.text, exit_class_name(classes[i])));
    }
}

static void test_vcpus_that_are_not_in_the_config_end_the_server(void **state) {
    (void)state;
    const struct {
        uint64_t vm;
        unsigned hart;
    } others[] = {{0, 2}, {7, 1}, {1, 0}, {256, 0}, {UINT64_MAX, 0}, {0, 255}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct message record = fakert_record(EXIT_HYPERCALL, others[i].vm, others[i].hart, 1);
        record.word[7] = HSM;
        fakert_reset();
        world_config();
        fakert_send(&record);
        assert_int_equal(fakert_run(sbi_server_main), FAKERT_DIED);
        assert_int_equal(fakert.answered, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(base_tells_version_2_0),
        TEST(base_identifies_itself),
        TEST(base_probes_what_there_is),
        TEST(unknown_calls_are_not_supported),
        TEST(time_arms_the_deadline),
        TEST(ipi_raises_software_interrupts),
        TEST(hart_lists_with_others_are_invalid),
        TEST(rfence_fences),
        TEST(hsm_starts_and_stops_harts),
        TEST(hsm_refuses_wrong_harts_and_addresses),
        TEST(hsm_suspends_retentively),
        TEST(a_start_that_the_core_refuses_has_failed),
        TEST(any_other_refusal_is_an_error_of_the_manifest),
        TEST(srst_tells_init),
        TEST(srst_refuses_reserved_values),
        TEST(legacy_set_timer_arms_the_deadline),
        TEST(legacy_ipis_and_fences),
        TEST(legacy_shutdown_ends_the_vm),
        TEST(time_can_be_read),
        TEST(all_other_trapped_instructions_are_illegal),
        TEST(a_cpu_that_cannot_go_on_is_reported),
        TEST(records_that_are_no_exits_are_answered),
        TEST(exits_that_are_not_its_own_end_the_server),
        TEST(vcpus_that_are_not_in_the_config_end_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
