// INS and OUTS: one element an exit, out of the guest's memory and into it, by its own page tables.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pc/pc.h"

#define UART 0x3f8
#define LINE 0x3fd
#define VCPU 20 // slot

// EXITINFO1.
#define IN 1u
#define STRING 4u
#define REP 8u

enum { RCX = 1, RSI = 6, RDI = 7, RFLAGS = 16, CR0, CR2, CR3, CR4, EFER, CS_BASE, CS = 29 };

static uint64_t reg[FAKERT_REGISTERS];
static bool is_stopped; // the vCPU, during the service of its exit

// One page is the table of all levels: its entry 1 names itself, the others are leaves.
#define PAGES ((UINT64_C(1) << 39) | (UINT64_C(1) << 30) | (UINT64_C(1) << 21))
#define TEXT (PAGES | 2 << 12) // can't be written by this server: no accessed bits
#define PROTECTED (PAGES | 3 << 12)
#define HOLE (PAGES | 4 << 12)
#define TABLE (PAGES | 5 << 12)
#define KERNELS (PAGES | 6 << 12)
#define CODE (TEXT + 0x100)

static int server(void) {
    fakert_entry("vcpu-0", CONFIG_CAP)->slot = VCPU;
    memcpy(fakert.reg, reg, sizeof(reg));
    fakert.is_stopped = is_stopped;
    return sbi_server_main();
}

static void entry(unsigned which, uint64_t value) {
    memcpy(&world->ram[which * 8], &value, sizeof(value));
}

static int begin(void **state) {
    world_begin(state);
    world_server = server;
    memset(reg, 0, sizeof(reg));
    is_stopped = false;
    reg[CR0] = 0x80010011;
    reg[CR3] = WORLD_RAM;
    reg[CR4] = 0x20;
    reg[EFER] = 0x1d01;
    reg[CS] = UINT64_C(1) << 25;
    memset(world->ram, 0, 0x1000);
    entry(1, WORLD_RAM | 7);
    entry(2, (WORLD_RAM + 0x1000) | 5);
    entry(3, (WORLD_RAM + 0x2000) | 5);
    entry(5, WORLD_RAM | 7);
    entry(6, WORLD_RAM | 3);
    memcpy(&world->ram[0x1100], "\xf3\x6e", 2);
    memcpy(&world->ram[0x1200], "abcdef", 6);
    return 0;
}

static struct message exits(unsigned flags, unsigned port, unsigned size) {
    struct message record = pc_port_record(0, flags | STRING, port, size, 0);
    record.info |= MESSAGE_INFO(0, 0, 1);
    record.pc = CODE;
    return record;
}

// Served twice: the second time it is known.
static struct reply twice(const struct message *record) {
    const struct reply first = world_serve(record), second = world_serve(record);
    assert_int_equal(first.flags, second.flags);
    assert_int_equal(first.word[0], second.word[0]);
    assert_int_equal(first.word[1], second.word[1]);
    return second;
}

// All that REP has to do, as the core does it; how many exits that are.
static unsigned repeat(unsigned flags, unsigned port, unsigned size) {
    for (unsigned i = 1;; i++) {
        const struct message record = exits(flags | REP, port, size);
        const struct reply reply = twice(&record);
        assert_int_equal(reply.flags & ~(uint64_t)REPLY_ADVANCE, REPLY_FLAGS | REPLY_RESULT);
        reg[RCX] = reply.word[0];
        reg[flags & IN ? RDI : RSI] = reply.word[1];
        if (reply.flags & REPLY_ADVANCE) {
            return i;
        }
        assert_true(i < 100);
    }
}

static void expect_fault(const struct message *record, unsigned vector, unsigned error,
                         uint64_t address) {
    const struct reply reply = world_serve(record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], vector | error << 8);
    assert_int_equal(reply.word[1], address);
}

static void test_out_of_memory_each_byte_once(void **state) {
    (void)state;
    reg[RCX] = 3;
    reg[RSI] = TEXT + 0x200;
    assert_int_equal(repeat(0, UART, 1), 3);
    assert_string_equal(world_output(0), "abc");
    assert_int_equal(reg[RCX], 0);
    assert_int_equal(reg[RSI], TEXT + 0x203);
    reg[RFLAGS] = 0x400; // backwards
    reg[RCX] = 2;
    assert_int_equal(repeat(0, UART, 1), 2);
    assert_string_equal(world_output(0), "abcdc");
    assert_int_equal(reg[RSI], TEXT + 0x201);
    reg[RCX] = 0;
    const struct message none = exits(REP, UART, 1);
    assert_int_equal(world_serve(&none).flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_string_equal(world_output(0), "abcdc");
}

static void test_into_memory(void **state) {
    (void)state;
    world->ram[0x1101] = 0x6c;
    reg[RCX] = 2;
    reg[RDI] = TABLE + 0x800;
    assert_int_equal(repeat(IN, LINE, 1), 2);
    assert_memory_equal(&world->ram[0x800], "\x60\x60\0", 3);
    world_type("xy");
    reg[RCX] = 2;
    assert_int_equal(repeat(IN, UART, 1), 2);
    assert_memory_equal(&world->ram[0x800], "\x60\x60xy", 4);
    reg[RDI] = TABLE + 0x900;
    const struct message one = exits(IN, 0xcf8, 4);
    assert_int_equal(twice(&one).word[1], TABLE + 0x904);
    assert_memory_equal(&world->ram[0x900], "\xff\xff\xff\xff\0", 5);
    assert_int_equal(world->ram[5 * 8] & 0x60, 0x60); // accessed and dirty
}

static void test_faults_are_the_guests(void **state) {
    (void)state;
    struct message record = exits(REP, UART, 1);
    reg[RCX] = 5;
    reg[RSI] = HOLE + 7;
    expect_fault(&record, 14, 0, HOLE + 7);
    reg[RSI] = UINT64_C(1) << 47;
    expect_fault(&record, 13, 0, UINT64_C(1) << 47);
    record = exits(REP, UART, 2);
    reg[RSI] = HOLE - 1; // half of it is there
    expect_fault(&record, 14, 0, HOLE);
    world->ram[0x1101] = 0x6c;
    record = exits(IN | REP, LINE, 1);
    reg[RDI] = PROTECTED;
    expect_fault(&record, 14, 3, PROTECTED);
    record.info &= ~MESSAGE_INFO(0, 0, 1);
    reg[RDI] = KERNELS; // for a program
    expect_fault(&record, 14, 7, KERNELS);
    assert_string_equal(world_output(0), "");
}

static void test_smap(void **state) {
    (void)state;
    const struct message record = exits(0, UART, 1);
    reg[CR4] |= 1u << 21;
    entry(2, (WORLD_RAM + 0x1000) | 1); // code for the kernel
    entry(1, WORLD_RAM | 7);
    reg[RSI] = TABLE;
    expect_fault(&record, 14, 1, TABLE);
    reg[RFLAGS] = 1u << 18; // AC
    assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
}

static void test_code_of_16_bits_without_paging(void **state) {
    (void)state;
    struct message record = exits(REP, UART, 1);
    reg[CR0] = 0x11;
    reg[EFER] = 0x1000;
    reg[CS] = 0;
    reg[CS_BASE] = WORLD_RAM + 0x1000;
    reg[CS_BASE + 1] = WORLD_RAM + 0x1200; // DS
    record.pc = 0x100;
    reg[RCX] = 0x50001;
    reg[RSI] = 0x70002;
    const struct reply reply = twice(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
    assert_int_equal(reply.word[0], 0x50000);
    assert_int_equal(reply.word[1], 0x70003);
    assert_string_equal(world_output(0), "c");
}

static void test_what_cannot_be_read_ends_the_guest(void **state) {
    (void)state;
    struct message record = exits(0, UART, 1);
    record.pc = HOLE;
    assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_STOP);
    record = exits(0, UART, 1);
    memset(&world->ram[0x1100], 0x66, 16); // prefixes alone
    assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_STOP);
    assert_string_equal(world_output(0), "");
}

// An INIT, or the VM's end, came during the service: nobody waits, and nobody has done wrong.
static void test_a_stopped_vcpu_needs_no_answer(void **state) {
    (void)state;
    const struct message record = exits(0, UART, 1);
    reg[RSI] = TEXT + 0x200;
    is_stopped = true;
    fakert_reset();
    world_config();
    fakert_send(&record);
    assert_int_equal(fakert_run(world_server), FAKERT_WAITING);
    assert_int_equal(fakert_only_answer()->flags, 0);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    assert_string_equal(world_output(0), "");
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(out_of_memory_each_byte_once),   TEST(into_memory),
        TEST(faults_are_the_guests),          TEST(smap),
        TEST(code_of_16_bits_without_paging), TEST(what_cannot_be_read_ends_the_guest),
        TEST(a_stopped_vcpu_needs_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
