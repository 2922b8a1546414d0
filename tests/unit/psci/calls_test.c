// PSCI 1.1 and SMCCC 1.2: what each function returns, and what it makes the core do. Numbers are
// the specifications'.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/psci/psci.h"

#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define ALREADY_ON (-4)
#define INTERNAL_FAILURE (-6)
#define INVALID_ADDRESS (-9)

#define SMCCC_VERSION 0x80000000
#define SMCCC_ARCH_FEATURES 0x80000001
#define PSCI_VERSION 0x84000000
#define MIGRATE_INFO_TYPE 0x84000006
#define PSCI_FEATURES 0x8400000a

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t effects = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;

// All that there are, and of each width.
static const uint32_t there[] = {
    PSCI_VERSION,
    CPU_SUSPEND,
    CPU_SUSPEND | WIDE,
    CPU_OFF,
    CPU_ON,
    CPU_ON | WIDE,
    AFFINITY_INFO,
    AFFINITY_INFO | WIDE,
    MIGRATE_INFO_TYPE,
    SYSTEM_OFF,
    SYSTEM_RESET,
    PSCI_FEATURES,
    SYSTEM_RESET2,
    SYSTEM_RESET2 | WIDE,
};

static const uint32_t not_there[] = {
    0,          1,          0x7fffffff,
    0x80000002, // SMCCC_ARCH_SOC_ID
    0x80003fff, // SMCCC_ARCH_WORKAROUND_3
    0x80007fff, // SMCCC_ARCH_WORKAROUND_2
    0x80008000, // SMCCC_ARCH_WORKAROUND_1
    0xc0000000, 0xc0000001,
    0xc4000000, // PSCI_VERSION, CPU_OFF and others have one width
    0xc4000002,
    0x84000005, // MIGRATE
    0xc4000005, 0xc4000006,
    0x84000007, // MIGRATE_INFO_UP_CPU
    0xc4000008, 0xc4000009, 0xc400000a,
    0x8400000b, // CPU_FREEZE
    0x8400000e, // SYSTEM_SUSPEND
    0x8400000f, // PSCI_SET_SUSPEND_MODE
    0x84000013, // MEM_PROTECT
    0x84000050, // TRNG_VERSION
    0x84000083, // same place in the table as CPU_ON
    0x04000003, // CPU_ON, but yielding
    0x8600ff01, // the UID of a vendor's hypervisor services
    0xffffffff,
};

static void test_versions(void **state) {
    (void)state;
    psci_expect(0x10001, PSCI_VERSION, 1, 2, 3);
    psci_expect(0x10002, SMCCC_VERSION, 1, 2, 3);
    // The identifier is 32 bits wide; what stands above does not count.
    psci_expect(0x10001, 0xdeadbeefull << 32 | PSCI_VERSION, 1, 2, 3);
    psci_expect(0x10002, UINT64_MAX << 32 | SMCCC_VERSION, 1, 2, 3);
    psci_expect(2, MIGRATE_INFO_TYPE, 1, 2, 3);
}

static void test_features_are_what_there_is(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(there); i++) {
        psci_expect(0, PSCI_FEATURES, there[i], 0, 0);
        psci_expect(0, PSCI_FEATURES, 1ull << 32 | there[i], 0, 0);
    }
    for (size_t i = 0; i < COUNT(not_there); i++) {
        psci_expect(NOT_SUPPORTED, PSCI_FEATURES, not_there[i], 0, 0);
    }
    psci_expect(0, PSCI_FEATURES, SMCCC_VERSION, 0, 0);
    psci_expect(NOT_SUPPORTED, PSCI_FEATURES, SMCCC_ARCH_FEATURES, 0, 0);
}

static void test_arch_features_are_smcccs_own(void **state) {
    (void)state;
    psci_expect(0, SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0);
    psci_expect(0, SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0);
    psci_expect(0, SMCCC_ARCH_FEATURES, 1ull << 63 | SMCCC_ARCH_FEATURES, 0, 0);
    for (size_t i = 0; i < COUNT(there); i++) {
        psci_expect(NOT_SUPPORTED, SMCCC_ARCH_FEATURES, there[i], 0, 0);
    }
    for (size_t i = 0; i < COUNT(not_there); i++) {
        psci_expect(NOT_SUPPORTED, SMCCC_ARCH_FEATURES, not_there[i], 0, 0);
    }
}

static void test_unknown_calls_are_not_supported(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(not_there); i++) {
        psci_expect(NOT_SUPPORTED, not_there[i], 1, WORLD_RAM, 3);
        psci_expect(NOT_SUPPORTED, UINT64_MAX << 32 | not_there[i], 1, WORLD_RAM, 3);
    }
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    psci_expect(1, AFFINITY_INFO, 1, 0, 0);
}

static void expect_start(struct reply reply, uint64_t vcpu, uint64_t entry, uint64_t context) {
    assert_int_equal(reply.flags, effects | REPLY_START);
    assert_int_equal(reply.word[0], 0);
    assert_int_equal(reply.word[2], vcpu);
    assert_int_equal(reply.word[3], entry);
    assert_int_equal(reply.word[4], context);
}

static void test_cpus_go_on_and_off(void **state) {
    (void)state;
    const uint64_t widths[] = {0, WIDE};
    for (size_t i = 0; i < COUNT(widths); i++) {
        psci_expect(0, AFFINITY_INFO | widths[i], 0, 0, 0); // on
        psci_expect(1, AFFINITY_INFO | widths[i], 1, 0, 0); // off
        struct reply reply = psci_call(CPU_ON | widths[i], 1, WORLD_SECOND + 4, 0xdeadbeef);
        expect_start(reply, 1, WORLD_SECOND + 4, 0xdeadbeef);
        psci_expect(0, AFFINITY_INFO | widths[i], 1, 0, 0);
        psci_expect(ALREADY_ON, CPU_ON | widths[i], 1, WORLD_RAM, 0);
        psci_expect(ALREADY_ON, CPU_ON | widths[i], 0, WORLD_RAM, 0);
        // Should both be wrong, the target is looked at first: nothing would be started anyway.
        psci_expect(ALREADY_ON, CPU_ON | widths[i], 0, 1, 0);
        reply = psci_call_from(0, 1, CPU_OFF, 0, 0, 0);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    }
}

// One that is off can be turned on by another than the first, and the first may go.
static void test_any_cpu_turns_on_any_other(void **state) {
    (void)state;
    psci_call(CPU_ON | WIDE, 1, WORLD_RAM, 0);
    assert_int_equal(psci_call(CPU_OFF, 0, 0, 0).flags, REPLY_FLAGS | REPLY_STOP);
    struct reply reply = psci_call_from(0, 1, AFFINITY_INFO, 0, 0, 0);
    assert_int_equal(reply.word[0], 1);
    expect_start(psci_call_from(0, 1, CPU_ON | WIDE, 0, WORLD_RAM, 7), 0, WORLD_RAM, 7);
    // VMs know nothing of each other's.
    reply = psci_call_from(WORLD_OTHER, 0, AFFINITY_INFO, 1, 0, 0);
    assert_int_equal(reply.word[0], INVALID_PARAMETERS);
    reply = psci_call_from(WORLD_OTHER, 0, CPU_ON | WIDE, 1, WORLD_RAM, 0);
    assert_int_equal(reply.word[0], INVALID_PARAMETERS);
}

static void test_arguments_of_narrow_calls_have_32_bits(void **state) {
    (void)state;
    const uint64_t above = 0xabcdull << 32;
    psci_expect(1, AFFINITY_INFO, above | 1, above, 0);
    psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, above | 1, 0, 0);
    psci_expect(1, AFFINITY_INFO | WIDE, 1, above, 0); // lowest_affinity_level is always narrow
    psci_expect(INVALID_PARAMETERS, CPU_ON | WIDE, above | 1, WORLD_RAM, 0);
    psci_expect(INVALID_ADDRESS, CPU_ON | WIDE, 1, above | WORLD_RAM, 0);
    expect_start(psci_call(CPU_ON, above | 1, above | WORLD_RAM, above | 5), 1, WORLD_RAM, 5);
    psci_call_from(0, 1, CPU_OFF, 0, 0, 0);
    expect_start(psci_call(CPU_ON | WIDE, 1, WORLD_RAM, above | 5), 1, WORLD_RAM, above | 5);
}

static void test_cpu_on_refuses_wrong_targets_and_addresses(void **state) {
    (void)state;
    const uint64_t targets[] = {2,
                                3,
                                63,
                                0x100,
                                0x101,
                                0x10001,
                                0x01000001,
                                1ull << 31 | 1,
                                1ull << 32 | 1,
                                1ull << 40 | 1,
                                UINT64_MAX};
    for (size_t i = 0; i < COUNT(targets); i++) {
        psci_expect(INVALID_PARAMETERS, CPU_ON | WIDE, targets[i], WORLD_RAM, 0);
        psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, targets[i], 0, 0);
    }
    const uint64_t addresses[] = {0,
                                  WORLD_RAM - 4,
                                  WORLD_RAM + WORLD_RAM_SIZE,
                                  WORLD_RAM + 1,
                                  WORLD_RAM + 2,
                                  1ull << 63 | WORLD_RAM,
                                  UINT64_MAX - 3};
    for (size_t i = 0; i < COUNT(addresses); i++) {
        psci_expect(INVALID_ADDRESS, CPU_ON | WIDE, 1, addresses[i], 0);
    }
    psci_expect(1, AFFINITY_INFO, 1, 0, 0);
}

static void test_affinity_of_many(void **state) {
    (void)state;
    for (uint64_t level = 1; level < 4; level++) {
        psci_expect(0, AFFINITY_INFO | WIDE, 0, level, 0);
        psci_expect(0, AFFINITY_INFO | WIDE, 0xff, level, 0); // below the level: ignored
        psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, 1ull << 32, level, 0);
    }
    psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, 0x100, 1, 0);
    psci_expect(0, AFFINITY_INFO | WIDE, 0x100, 2, 0);
    psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, 0x10000, 2, 0);
    psci_expect(0, AFFINITY_INFO | WIDE, 0x10000, 3, 0);
    psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, 0, 4, 0);
    psci_expect(INVALID_PARAMETERS, AFFINITY_INFO | WIDE, 0, 0xffffffff, 0);
    // One that is on is enough, and none is too few.
    psci_call(CPU_ON, 1, WORLD_RAM, 0);
    psci_call(CPU_OFF, 0, 0, 0);
    psci_expect(0, AFFINITY_INFO, 0, 1, 0);
    psci_call_from(0, 1, CPU_OFF, 0, 0, 0);
    psci_expect(1, AFFINITY_INFO, 0, 1, 0);
}

static void test_suspend_is_standby(void **state) {
    (void)state;
    const uint64_t widths[] = {0, WIDE};
    for (size_t i = 0; i < COUNT(widths); i++) {
        struct reply reply = psci_call(CPU_SUSPEND | widths[i], 0, WORLD_RAM, 0);
        assert_int_equal(reply.flags, effects | REPLY_PARK);
        assert_int_equal(reply.word[0], 0);
        reply = psci_call(CPU_SUSPEND | widths[i], 1ull << 32, 0, 0); // power_state has 32 bits
        assert_int_equal(reply.flags, effects | REPLY_PARK);
        const uint64_t others[] = {1,       0x10000,    0x10001,    0x20000,  1 << 24,
                                   3 << 24, 0x01010000, 0x40000000, 1u << 31, 0xffffffff};
        for (size_t k = 0; k < COUNT(others); k++) {
            psci_expect(INVALID_PARAMETERS, CPU_SUSPEND | widths[i], others[k], WORLD_RAM, 0);
        }
    }
    psci_expect(0, AFFINITY_INFO, 0, 0, 0);
}

static void test_a_start_that_the_core_refuses_has_failed(void **state) {
    (void)state;
    struct message start = psci_record(0, 0, CPU_ON, 1, WORLD_RAM, 0);
    struct message refusal = start;
    memset(refusal.word, 0, sizeof(refusal.word));
    refusal.word[0] = STATUS_BUSY;
    refusal.info = MESSAGE_INFO(EXIT_REFUSED, 0, 1);
    fakert_send(&start);
    fakert_send(&refusal);
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    expect_start(fakert.answer[0], 1, WORLD_RAM, 0);
    world_expect(fakert.answer[1], INTERNAL_FAILURE, 1);
    psci_expect(1, AFFINITY_INFO, 1, 0, 0);
    // Answered the same way should it come again.
    psci_call_from(0, 0, AFFINITY_INFO, 1, 0, 0);
    world_expect(world_serve(&start), INTERNAL_FAILURE, 1);
}

static void expect_end(struct reply reply, uint64_t vm, enum vm_end end) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    assert_int_equal(call->slot, WORLD_INIT);
    assert_int_equal(call->answered, 0); // init hears of it before the vCPU stops
    const uint64_t words[] = {INIT_VM_END, vm, end, 0};
    assert_memory_equal(call->word, words, sizeof(words));
}

static void test_ends_are_told_to_init(void **state) {
    (void)state;
    expect_end(psci_call(SYSTEM_OFF, 1, 2, 3), 0, VM_END_SYSTEM_OFF);
    expect_end(psci_call(SYSTEM_RESET, 1, 2, 3), 0, VM_END_SYSTEM_RESET);
    expect_end(psci_call(SYSTEM_RESET2, 1ull << 32, 0, 0), 0, VM_END_SYSTEM_RESET);
    expect_end(psci_call(SYSTEM_RESET2 | WIDE, 0, 9, 0), 0, VM_END_SYSTEM_RESET);
    expect_end(psci_call_from(WORLD_OTHER, 0, SYSTEM_OFF, 0, 0, 0), WORLD_OTHER, VM_END_SYSTEM_OFF);
    psci_expect(INVALID_PARAMETERS, SYSTEM_RESET2, 1, 0, 0);
    psci_expect(INVALID_PARAMETERS, SYSTEM_RESET2 | WIDE, 1u << 31, 0, 0);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    assert_string_equal(vm_end_name(VM_END_SYSTEM_OFF), "PSCI SYSTEM_OFF");
    assert_false(vm_end_is_reset(VM_END_SYSTEM_OFF));
    assert_true(vm_end_is_reset(VM_END_SYSTEM_RESET));
}

static void test_trapped_registers_are_undefined(void **state) {
    (void)state;
    const uint64_t syndromes[] = {0, 0x3a0000, 0x1ffffff, UINT64_MAX};
    for (size_t i = 0; i < COUNT(syndromes); i++) {
        struct message record = fakert_record(EXIT_SYSREG, 0, 0, 1);
        record.word[0] = syndromes[i];
        record.word[1] = 0x1234;
        struct reply reply = world_serve(&record);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
        assert_int_equal(reply.word[0], 0x02000000); // ESR_EL1: EC 0, IL
        assert_int_equal(reply.word[1], 0);
    }
}

// The guest's console is a device that some other server emulates: the rings are that one's.
static void test_consoles_are_left_alone(void **state) {
    (void)state;
    static struct ring out, in;
    world->out[0].head = 500;
    world->out[0].tail = 400;
    world->in.head = 300;
    world->in.tail = 200;
    psci_expect(0x10001, PSCI_VERSION, 0, 0, 0);
    world->out[0].head = 510;
    world->in.tail = 250;
    out = world->out[0];
    in = world->in;
    psci_call(CPU_ON, 1, WORLD_RAM, 0);
    assert_int_equal(fakert_count(FAKERT_SIGNAL), 0);
    assert_memory_equal(&out, &world->out[0], sizeof(out));
    assert_memory_equal(&in, &world->in, sizeof(in));
    memset(world->out, 0, sizeof(world->out)); // no ring yet
    psci_expect(0, AFFINITY_INFO, 1, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(versions),
        TEST(features_are_what_there_is),
        TEST(arch_features_are_smcccs_own),
        TEST(unknown_calls_are_not_supported),
        TEST(cpus_go_on_and_off),
        TEST(any_cpu_turns_on_any_other),
        TEST(arguments_of_narrow_calls_have_32_bits),
        TEST(cpu_on_refuses_wrong_targets_and_addresses),
        TEST(affinity_of_many),
        TEST(suspend_is_standby),
        TEST(a_start_that_the_core_refuses_has_failed),
        TEST(ends_are_told_to_init),
        TEST(trapped_registers_are_undefined),
        TEST(consoles_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
