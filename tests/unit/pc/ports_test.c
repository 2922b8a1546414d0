// Ports: a UART as software finds it, nothing where there is nothing, and the end of the guest
// everywhere else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pc/pc.h"

#define UART 0x3f8

static unsigned get(unsigned number) { return (unsigned)pc_in(UART + number, 1, 0) & 0xff; }

static void put(unsigned number, unsigned byte) { pc_out(UART + number, 1, byte); }

static void test_the_console_both_ways(void **state) {
    (void)state;
    assert_int_equal(get(5), 0x60);
    put(0, 'o');
    put(0, 'k');
    assert_string_equal(world_output(0), "ok");
    world_type("ab");
    assert_int_equal(get(5), 0x61);
    assert_int_equal(get(5), 0x61);
    assert_int_equal(get(0), 'a');
    assert_int_equal(get(0), 'b');
    assert_int_equal(get(5), 0x60);
    assert_int_equal(get(0), 0);
}

// It has a way of its own (quick.c), which is for it alone.
static void test_the_line_status_is_read_as_any_register(void **state) {
    (void)state;
    assert_int_equal(pc_in(UART + 5, 1, 0x1234567890abcdef), 0x1234567890abcd60);
    struct message record = pc_port_record(0, 0x281, UART + 5, 1, 0xff); // addresses of 32 bits, ES
    assert_int_equal(world_serve(&record).word[0], 0x60);
    assert_int_equal(pc_in(UART + 5, 2, 0x12345678), 0x1234ffff);
    pc_out(UART + 5, 1, 0xff);
    record = pc_port_record(0, 1, 0x1fd, 1, 0);
    assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_STOP);
    record = pc_port_record(0, 5, UART + 5, 1, 0);
    assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_STOP);
}

// As Linux's driver asks whether there is one, and which.
static void test_it_is_a_16550a(void **state) {
    (void)state;
    put(1, 0);
    assert_int_equal(get(1), 0);
    put(1, 0xff);
    assert_int_equal(get(1), 0x0f);
    put(7, 0x5a);
    assert_int_equal(get(7), 0x5a);
    put(4, 0x1a); // loop, OUT2, RTS
    assert_int_equal(get(6) & 0xf0, 0x90);
    put(0, 'x'); // goes to itself
    put(4, 0x0b);
    assert_int_equal(get(4), 0x0b);
    assert_int_equal(get(6), 0xb0);
    put(2, 0x07);
    assert_int_equal(get(2) & 0xc0, 0xc0);
    put(2, 0);
    assert_int_equal(get(2) & 0xc0, 0);
    assert_string_equal(world_output(0), "");
}

static void test_the_divisor_is_no_output(void **state) {
    (void)state;
    put(1, 5);
    put(3, 0x83);
    put(0, 'B');
    put(1, 'C');
    assert_int_equal(get(0), 'B');
    assert_int_equal(get(1), 'C');
    put(3, 0x03);
    assert_int_equal(get(3), 0x03);
    assert_int_equal(get(1), 5);
    put(0, 'D');
    assert_string_equal(world_output(0), "D");
}

static void test_what_would_interrupt_is_told(void **state) {
    (void)state;
    assert_int_equal(get(2), 1);
    put(1, 2);
    assert_int_equal(get(2), 2);
    put(1, 3);
    world_type("a");
    assert_int_equal(get(2), 4);
    get(0);
    assert_int_equal(get(2), 2);
}

static void test_a_full_ring_is_flushed_before_the_byte_is_lost(void **state) {
    (void)state;
    world->out[0].head = RING_BYTES;
    put(0, 'x');
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->slot, WORLD_CONSOLE);
    put(3, 0x80);
    put(0, 'x'); // the divisor needs no room
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
}

static void test_nobody_answers(void **state) {
    (void)state;
    const unsigned ports[] = {0x70, 0x71, 0x80, 0xcf8, 0xcfc, 0xcff};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        pc_out(ports[i], 1, 0x55);
        assert_int_equal(pc_in(ports[i], 1, 0x1234567890abcdef), 0x1234567890abcdff);
    }
    assert_int_equal(pc_in(0xcf8, 2, 0x1234567890abcdef), 0x1234567890abffff);
    assert_int_equal(pc_in(0xcfc, 4, 0x1234567890abcdef), 0xffffffff);
    assert_int_equal(pc_in(UART, 4, UINT64_MAX), 0xffffffff);
    pc_out(UART, 2, 0x4142);
    assert_string_equal(world_output(0), "");
}

static void expect_refused(const struct message *record, unsigned port, enum access access) {
    struct reply reply = world_serve(record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    const uint64_t words[] = {INIT_VM_REPORT, record->badge, REPORT_PORT, port, access, record->pc};
    assert_int_equal(call->slot, WORLD_INIT);
    assert_memory_equal(call->word, words, sizeof(words));
}

static bool is_there(unsigned port) {
    return (port >= UART && port < UART + 8) || port == 0x70 || port == 0x71 || port == 0x80 ||
           (port >= 0xcf8 && port <= 0xcff);
}

// All that there can be, each read and written.
static void test_other_ports_end_the_guest(void **state) {
    (void)state;
    unsigned refused = 0;
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        if (is_there(port)) {
            continue;
        }
        struct message record = pc_port_record(WORLD_OTHER, 0, port, 2, 0x2000);
        expect_refused(&record, port, ACCESS_WRITE);
        record = pc_port_record(0, 1, port, 1, 0);
        expect_refused(&record, port, ACCESS_READ);
        refused++;
    }
    assert_int_equal(refused, 65536 - 19);
}

// No vCPU's registers are there to be read (strings_test.c has them).
static void test_unknown_string_instructions_end_the_guest(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 16; flags++) {
        if (flags & 4) {
            struct message record = pc_port_record(0, flags, UART, 1, 0);
            expect_refused(&record, UART, flags & 1 ? ACCESS_READ : ACCESS_WRITE);
        }
    }
    assert_string_equal(world_output(0), "");
}

// What hardware would never say.
static void test_sizes_of_nonsense_are_answered(void **state) {
    (void)state;
    for (unsigned size = 0; size < 8; size++) {
        struct message record = pc_port_record(0, 1, UART, size, 0x1234);
        world_serve(&record);
        record = pc_port_record(0, 1, 0xcfc, size, 0x1234);
        world_serve(&record);
    }
}

static void test_a_vm_without_a_console(void **state) {
    (void)state;
    struct message record = pc_port_record(WORLD_OTHER, 1, UART + 5, 1, 0);
    assert_int_equal(world_serve(&record).word[0], 0x60); // it has output only
    record = pc_port_record(WORLD_OTHER, 1, UART, 1, 0);
    assert_int_equal(world_serve(&record).word[0], 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_console_both_ways),
        TEST(the_line_status_is_read_as_any_register),
        TEST(it_is_a_16550a),
        TEST(the_divisor_is_no_output),
        TEST(what_would_interrupt_is_told),
        TEST(a_full_ring_is_flushed_before_the_byte_is_lost),
        TEST(nobody_answers),
        TEST(other_ports_end_the_guest),
        TEST(unknown_string_instructions_end_the_guest),
        TEST(sizes_of_nonsense_are_answered),
        TEST(a_vm_without_a_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
