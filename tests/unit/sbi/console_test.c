// The debug console (SBI 2.0 chapter 12) and its legacy forerunners: bytes go where they should,
// and no buffer that the guest names is believed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/console.h"
#include "servers/sbi-server/memory.h"
#include "tests/unit/sbi/world.h"

#define DBCN 0x4442434e
#define WRITE 0
#define READ 1
#define WRITE_BYTE 2
#define PUTCHAR 1
#define GETCHAR 2

#define FAILED (-1)
#define INVALID_PARAM (-3)

#define RAM_END (WORLD_RAM + WORLD_RAM_SIZE)

static struct reply write(uint64_t size, uint64_t address) {
    return world_call(DBCN, WRITE, size, address, 0);
}

static struct reply read(uint64_t size, uint64_t address) {
    return world_call(DBCN, READ, size, address, 0);
}

static void expect_signal(unsigned count) {
    // Once for each console when the server starts, and once, at the next tick, for what was
    // written.
    assert_int_equal(fakert_count(FAKERT_SIGNAL), 2);
    assert_int_equal(fakert_count(FAKERT_SIGNAL_LATER), count);
    for (unsigned i = 0; i < 2 + count; i++) {
        const struct fakert_request *request =
            i < 2 ? fakert_find(FAKERT_SIGNAL, i) : fakert_find(FAKERT_SIGNAL_LATER, i - 2);
        assert_int_equal(request->slot, WORLD_CONSOLE);
        assert_int_equal(request->answered, 0);
    }
}

static void test_writes_what_is_in_the_buffer(void **state) {
    (void)state;
    world_expect(write(10, WORLD_RAM), 0, 10);
    expect_signal(1);
    world_expect(write(3, WORLD_RAM + 26), 0, 3);
    assert_string_equal(world_output(0), "abcdefghijabc");
    assert_string_equal(world_output(1), "");
}

static void test_writes_nothing_of_nothing(void **state) {
    (void)state;
    world_expect(write(0, WORLD_RAM), 0, 0);
    world_expect(write(0, 0), 0, 0);
    world_expect(write(0, UINT64_MAX), 0, 0);
    expect_signal(0);
    assert_string_equal(world_output(0), "");
}

static void test_writes_up_to_the_end_of_a_range(void **state) {
    (void)state;
    // The buffer goes on in the next range; what is written ends with the first.
    world_expect(write(100, WORLD_SECOND - 4), 0, 4);
    world_expect(write(96, WORLD_SECOND), 0, 96);
    world_expect(write(1, RAM_END - 1), 0, 1);
    assert_int_equal(world->out[0].head, 101);
    assert_memory_equal(world->out[0].data, world->ram + 0x1000 - 4, 100);
    assert_int_equal(world->out[0].data[100], world->ram[WORLD_RAM_SIZE - 1]);
}

static void test_refuses_buffers_outside_of_ram(void **state) {
    (void)state;
    const struct {
        uint64_t size, address;
    } bad[] = {
        {1, 0},
        {1, WORLD_RAM - 1},
        {2, WORLD_RAM - 1},
        {1, RAM_END},
        {2, RAM_END - 1},
        {WORLD_RAM_SIZE + 1, WORLD_RAM},
        {UINT64_MAX, WORLD_RAM},
        {UINT64_MAX - WORLD_RAM + 1, WORLD_RAM}, // up to the very end
        {UINT64_MAX - WORLD_RAM + 2, WORLD_RAM}, // around it
        {1, UINT64_MAX},
        {2, UINT64_MAX},
        {UINT64_MAX, UINT64_MAX},
        {UINT64_MAX, 1},
        {4096, (uint64_t)(uintptr_t)world->ram}, // the server's own address of it
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        world_expect(write(bad[i].size, bad[i].address), INVALID_PARAM, 0);
        world_expect(read(bad[i].size, bad[i].address), INVALID_PARAM, 0);
    }
    // The upper half of the address.
    world_expect(world_call(DBCN, WRITE, 1, WORLD_RAM, 1), INVALID_PARAM, 0);
    world_expect(world_call(DBCN, READ, 1, WORLD_RAM, UINT64_MAX), INVALID_PARAM, 0);
    assert_string_equal(world_output(0), "");
}

// RAM at both ends of the address space is not one piece.
static void test_addresses_do_not_go_round(void **state) {
    (void)state;
    static uint8_t bytes[2][0x1000];
    static const struct firmware_vm vm = {
        .range_count = 2,
        .range = {{-0x1000ull, 0x1000, bytes[0], true}, {0, 0x1000, bytes[1], true}},
    };
    assert_true(memory_check(&vm, -0x10ull, 0xf, true));
    assert_false(memory_check(&vm, -0x10ull, 0x11, true));
    assert_false(memory_check(&vm, -0x10ull, 0x20, true));
    assert_false(memory_check(&vm, 1, UINT64_MAX, true));
}

static void test_a_vm_has_no_other_vms_memory(void **state) {
    (void)state;
    world_expect(world_call_from(WORLD_OTHER, 0, DBCN, WRITE, 1, WORLD_RAM, 0), INVALID_PARAM, 0);
    world_expect(world_call_from(WORLD_OTHER, 0, DBCN, WRITE_BYTE, 'x', 0, 0), 0, 0);
    assert_string_equal(world_output(1), "x");
    assert_string_equal(world_output(0), "");
}

static void test_writes_one_byte(void **state) {
    (void)state;
    world_expect(world_call(DBCN, WRITE_BYTE, 'A', 7, 8), 0, 0);
    expect_signal(1);
    world_expect(world_call(DBCN, WRITE_BYTE, 0x1234567800000100 | 'B', 7, 8), 0, 0);
    expect_signal(0); // the console has been told, and has not looked yet
    assert_string_equal(world_output(0), "AB");
}

static void test_legacy_putchar(void **state) {
    (void)state;
    world_expect(world_call(PUTCHAR, 9, 'A', 0x77, 8), 0, 0x77);
    world_expect(world_call(PUTCHAR, 9, 0xff00 | 'B', 0x77, 8), 0, 0x77);
    assert_string_equal(world_output(0), "AB");
}

static void fill(unsigned free) { world->out[0].head = RING_BYTES - free; }

static void test_takes_as_much_as_fits(void **state) {
    (void)state;
    fill(5);
    world_expect(write(10, WORLD_RAM), 0, 5);
    assert_int_equal(world->out[0].head, RING_BYTES);
    assert_memory_equal(world->out[0].data + RING_BYTES - 5, "abcde", 5);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
}

static void test_goes_round_in_the_ring(void **state) {
    (void)state;
    fill(5);
    world->out[0].tail = 1000;
    world_expect(write(12, WORLD_RAM), 0, 12);
    assert_memory_equal(world->out[0].data + RING_BYTES - 5, "abcde", 5);
    assert_memory_equal(world->out[0].data, "fghijkl", 7);
    assert_int_equal(world->out[0].head, RING_BYTES + 7);
}

// A console that writes all it has, or a part of it.
static uint64_t consumed;

static void console_flushes(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, WORLD_CONSOLE);
    assert_int_equal(words->word[0], CONSOLE_FLUSH);
    world->out[0].tail += consumed;
    *words = (struct rt_words){0};
}

static void test_has_a_full_ring_flushed(void **state) {
    (void)state;
    fill(0);
    fakert.on_call = console_flushes;
    consumed = 3;
    world_expect(write(10, WORLD_RAM), 0, 3);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    world_expect(world_call(DBCN, WRITE_BYTE, 'x', 0, 0), 0, 0);
    world_expect(write(10, WORLD_RAM), 0, 2);
    world_expect(world_call(PUTCHAR, 0, 'y', 9, 0), 0, 9);
    assert_int_equal(world->out[0].head, RING_BYTES + 7);
    assert_memory_equal(world->out[0].data, "abcxaby", 7);
}

static void test_fails_when_the_console_takes_nothing(void **state) {
    (void)state;
    fill(0);
    fakert.on_call = console_flushes;
    consumed = 0;
    world_expect(write(10, WORLD_RAM), FAILED, 0);
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    world_expect(world_call(DBCN, WRITE_BYTE, 'x', 0, 0), FAILED, 0);
    world_expect(world_call(PUTCHAR, 0, 'x', 9, 0), FAILED, 9);
    assert_int_equal(world->out[0].head, RING_BYTES);
}

static void test_believes_no_counter_of_the_console(void **state) {
    (void)state;
    const uint64_t tails[] = {1, RING_BYTES, UINT64_MAX - RING_BYTES, 1ull << 63};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        world->out[0].tail = tails[i];
        world_expect(world_call(DBCN, WRITE_BYTE, 'x', 0, 0), FAILED, 0);
        world->in.head = tails[i] + RING_BYTES;
        world_expect(world_call(GETCHAR, 0, 0, 9, 0), FAILED, 9);
    }
}

static void test_reads_what_was_typed(void **state) {
    (void)state;
    world_expect(read(10, WORLD_RAM), 0, 0);
    world_type("hello");
    world_expect(read(3, WORLD_RAM), 0, 3);
    world_expect(read(100, WORLD_RAM + 3), 0, 2);
    world_expect(read(100, WORLD_RAM + 5), 0, 0);
    assert_memory_equal(world->ram, "hellofgh", 8);
    assert_int_equal(world->in.tail, 5);
}

static void test_reads_up_to_the_end_of_memory_it_may_write(void **state) {
    (void)state;
    world_type("hello");
    // The second range is not writable.
    world_expect(read(10, WORLD_SECOND - 4), INVALID_PARAM, 0);
    world_expect(read(1, WORLD_SECOND), INVALID_PARAM, 0);
    world_expect(read(4, WORLD_SECOND - 4), 0, 4);
    assert_memory_equal(world->ram + 0x1000 - 4, "hell", 4);
}

static void test_reads_round_the_ring(void **state) {
    (void)state;
    world->in.head = world->in.tail = RING_BYTES - 2;
    world_type("hello");
    world_expect(read(10, WORLD_RAM), 0, 5);
    assert_memory_equal(world->ram, "hello", 5);
}

static void test_legacy_getchar(void **state) {
    (void)state;
    world_expect(world_call(GETCHAR, 9, 0, 0x77, 0), -1, 0x77);
    world_type("h\xff");
    world_expect(world_call(GETCHAR, 9, 0, 0x77, 0), 'h', 0x77);
    world_expect(world_call(GETCHAR, 9, 0, 0x77, 0), 0xff, 0x77);
    world_expect(world_call(GETCHAR, 9, 0, 0x77, 0), -1, 0x77);
}

// Without rings: an input that never comes, an output that is thrown away or says so.
static void test_a_vm_without_a_console(void **state) {
    (void)state;
    world_expect(world_call_from(WORLD_OTHER, 0, GETCHAR, 0, 0, 9, 0), -1, 9);
    world_expect(world_call_from(WORLD_OTHER, 0, DBCN, READ, 0, 0, 0), 0, 0);
    struct message put = world_record(WORLD_OTHER, 0, PUTCHAR, 0, 'x', 9, 0);
    struct message write_byte = world_record(WORLD_OTHER, 0, DBCN, WRITE_BYTE, 'x', 0, 0);
    fakert_reset();
    fakert_entry("state", CONFIG_WINDOW)->address = (uint64_t)(uintptr_t)world->state;
    ((struct config_entry *)(uintptr_t)rt_need("state"))->size = sizeof(world->state);
    fakert_entry("vcpus-7", CONFIG_NUMBER)->address = 1;
    fakert_send(&put);
    fakert_send(&write_byte);
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    world_expect(fakert.answer[0], 0, 9);
    world_expect(fakert.answer[1], FAILED, 0);
    assert_int_equal(fakert.requests, 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writes_what_is_in_the_buffer),
        TEST(writes_nothing_of_nothing),
        TEST(writes_up_to_the_end_of_a_range),
        TEST(refuses_buffers_outside_of_ram),
        TEST(addresses_do_not_go_round),
        TEST(a_vm_has_no_other_vms_memory),
        TEST(writes_one_byte),
        TEST(legacy_putchar),
        TEST(takes_as_much_as_fits),
        TEST(goes_round_in_the_ring),
        TEST(has_a_full_ring_flushed),
        TEST(fails_when_the_console_takes_nothing),
        TEST(believes_no_counter_of_the_console),
        TEST(reads_what_was_typed),
        TEST(reads_up_to_the_end_of_memory_it_may_write),
        TEST(reads_round_the_ring),
        TEST(legacy_getchar),
        TEST(a_vm_without_a_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
