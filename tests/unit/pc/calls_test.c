// The hypervisor's calls: what each returns, and what is made known.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pc/pc.h"

#define PUT(c) (UINT64_C(1) | (uint64_t)(c) << 8)
#define REFUSED UINT64_MAX

static void test_characters_go_to_the_console(void **state) {
    (void)state;
    for (const char *c = "hello\n"; *c; c++) {
        struct reply reply = pc_call(PUT(*c));
        assert_int_equal(reply.flags, REPLY_HYPERCALL);
        assert_int_equal(reply.word[0], 0);
        assert_int_equal(fakert_count(FAKERT_SIGNAL), 2); // both consoles', by its start
        // The console has not looked since it was told of the first one.
        assert_int_equal(fakert_count(FAKERT_SIGNAL_LATER), *c == 'h' ? 1 : 0);
    }
    assert_string_equal(world_output(0), "hello\n");
    // What stands above is not looked at.
    pc_call(UINT64_C(0xdeadbeefcafe) << 16 | PUT('!'));
    assert_string_equal(world_output(0), "hello\n!");
    assert_string_equal(world_output(1), "");
}

static void test_a_full_console_is_flushed_once(void **state) {
    (void)state;
    while (ring_writable(world->out[0].head, world->out[0].tail) > 0) {
        world->out[0].head++;
    }
    struct reply reply = pc_call(PUT('x'));
    assert_int_equal(reply.word[0], REFUSED);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
}

static void expect_end(uint64_t vm, uint64_t rax, enum vm_end end) {
    struct message record = pc_call_record(vm, rax);
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    const uint64_t words[] = {INIT_VM_END, vm, end, 0};
    assert_int_equal(call->slot, WORLD_INIT);
    assert_memory_equal(call->word, words, sizeof(words));
}

static void test_ends_are_told_to_init(void **state) {
    (void)state;
    expect_end(0, 0x84000008, VM_END_CALL_OFF);
    expect_end(WORLD_OTHER, 0x84000009, VM_END_CALL_RESET);
    assert_false(vm_end_is_reset(VM_END_CALL_OFF));
    assert_true(vm_end_is_reset(VM_END_CALL_RESET));
    assert_string_equal(vm_end_name(VM_END_CALL_OFF), "VMMCALL SYSTEM_OFF");
}

static void test_all_else_is_refused(void **state) {
    (void)state;
    const uint64_t others[] = {0,          2,          0x100,
                               0x84000000, 0x84000007, 0x8400000a,
                               0xc4000008, UINT64_MAX, UINT64_C(1) << 32 | 0x84000008};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct reply reply = pc_call(others[i]);
        assert_int_equal(reply.flags, REPLY_HYPERCALL);
        assert_int_equal(reply.word[0], REFUSED);
        assert_int_equal(fakert_count(FAKERT_CALL), 0);
    }
}

static void test_user_mode_has_no_calls(void **state) {
    (void)state;
    const uint64_t calls[] = {PUT('x'), 0x84000008, 0x84000009, 0, UINT64_MAX};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct message record = pc_call_record(0, calls[i]);
        record.info = MESSAGE_INFO(EXIT_HYPERCALL, 0, 0);
        struct reply reply = world_serve(&record);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
        assert_int_equal(reply.word[0], 6);
        assert_int_equal(fakert_count(FAKERT_CALL), 0);
    }
    assert_string_equal(world_output(0), "");
}

static void test_trapped_registers_are_undefined(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_SYSREG, 0, 0, 1);
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], 6);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(characters_go_to_the_console), TEST(a_full_console_is_flushed_once),
        TEST(ends_are_told_to_init),        TEST(all_else_is_refused),
        TEST(user_mode_has_no_calls),       TEST(trapped_registers_are_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
