// aarch64's instructions that access a device and change two registers: loads that move their base,
// and pairs. Wherever the server dies, each half of a pair is done once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/board.h"

#define GICD_CTLR (GICD + 0x0)
#define GICD_IGROUPR1 (GICD + 0x84)
#define GICD_ISENABLER1 (GICD + 0x104)
#define GICD_ISPENDR1 (GICD + 0x204)
#define GICR_WAKER (GICR + 0x14)
#define GICD_IPRIORITYR8 (GICD + 0x420)
#define GICD_IPRIORITYR9 (GICD + 0x424)

#define LDR_POST 0xb840456au   // ldr w10, [x11], #4
#define LDR_PRE 0xb8404d6au    // ldr w10, [x11, #4]!
#define LDR_ZERO 0xb840457fu   // ldr wzr, [x11], #4
#define STP 0x2900316au        // stp w10, w12, [x11]
#define STP_POST 0x2881316au   // stp w10, w12, [x11], #8
#define LDP 0x2940316au        // ldp w10, w12, [x11]
#define LDP_BEFORE 0x297f316au // ldp w10, w12, [x11, #-8]
#define LDPSW 0x6940316au      // ldpsw x10, x12, [x11]
#define LDP_ZERO 0x2940317fu   // ldp wzr, w12, [x11]
#define LDP_POST 0x28c1316au   // ldp w10, w12, [x11], #8: three registers
#define LDP_TWO 0x28c17d6au    // ldp w10, wzr, [x11], #8
#define LDP_SP 0x294033eau     // ldp w10, w12, [sp]
#define LDR_SP 0xb84047eau     // ldr w10, [sp], #4

static const uint64_t done = REPLY_FLAGS | REPLY_ADVANCE;
static const uint64_t first = REPLY_WRITE | REPLY_REGISTER(10);

// By INSTRUCTION, with x11 as it is.
static struct message access_by(uint32_t instruction, uint64_t address, enum access access) {
    struct message record = board_access(address, access);
    fakert.instruction = instruction;
    return record;
}

// With x11 the address.
static struct message at(uint32_t instruction, uint64_t address, enum access access) {
    fakert.reg[11] = address;
    return access_by(instruction, address, access);
}

static void store(uint64_t address, uint64_t value) {
    fakert.reg[10] = value;
    struct message record = board_access(address, ACCESS_WRITE);
    assert_int_equal(board_serve(&record).flags, done);
}

static uint64_t load(uint64_t address) {
    struct message record = board_access(address, ACCESS_READ);
    return board_serve(&record).word[0];
}

static void expect(const struct message *record, uint64_t flags, uint64_t word0, uint64_t word1) {
    struct reply reply = board_die_everywhere(record);
    assert_int_equal(reply.flags, done | flags);
    assert_int_equal(reply.word[0], word0);
    assert_int_equal(reply.word[1], word1);
    assert_int_equal(reply.word[6], 4);
}

// What only looks has nothing to die behind.
static void expect_load(const struct message *record, uint64_t flags, uint64_t word0,
                        uint64_t word1) {
    struct reply reply = board_serve(record);
    assert_int_equal(reply.flags, done | flags);
    assert_int_equal(reply.word[0], word0);
    assert_int_equal(reply.word[1], word1);
}

static void loads_move_their_base(void **state) {
    (void)state;
    store(GICD_IPRIORITYR8, 0x10203040);
    struct message record = at(LDR_POST, GICD_IPRIORITYR8, ACCESS_READ);
    const uint64_t base = REPLY_WRITE_SECOND | REPLY_SECOND(11);
    expect_load(&record, first | base, 0x10203040, GICD_IPRIORITYR8 + 4);
    fakert.reg[11] = GICD_IPRIORITYR8 - 4;
    record = access_by(LDR_PRE, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, first | base, 0x10203040, GICD_IPRIORITYR8);
    record = at(LDR_ZERO, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, REPLY_WRITE | REPLY_REGISTER(11), GICD_IPRIORITYR8 + 4, 0);
}

// What the load takes is gone.
static void a_load_that_takes_moves_its_base_once(void **state) {
    (void)state;
    board_type_text("xyz");
    struct message record = at(LDR_POST, UART + PL011_DR, ACCESS_READ);
    expect(&record, first | REPLY_WRITE_SECOND | REPLY_SECOND(11), 'x', UART + 4);
    assert_int_equal(load(UART + PL011_DR), 'y');
}

static void pairs_are_loaded(void **state) {
    (void)state;
    store(GICD_IPRIORITYR8, 0x10203040);
    store(GICD_IPRIORITYR9, 0x80706050);
    const uint64_t both = first | REPLY_WRITE_SECOND | REPLY_SECOND(12);
    struct message record = at(LDP, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, both, 0x10203040, 0x80706050);
    fakert.reg[11] = GICD_IPRIORITYR8 + 8;
    record = access_by(LDP_BEFORE, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, both, 0x10203040, 0x80706050);
    record = at(LDPSW, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, both, 0x10203040, 0xffffffff80706050);
    record = at(LDP_ZERO, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, REPLY_WRITE | REPLY_REGISTER(12), 0x80706050, 0);
    record = at(LDP_TWO, GICD_IPRIORITYR8, ACCESS_READ);
    expect_load(&record, first | REPLY_WRITE_SECOND | REPLY_SECOND(11), 0x10203040,
                GICD_IPRIORITYR8 + 8);
}

// PL011_DR, and the errors of what was received, which has none.
static void a_pair_takes_one_byte(void **state) {
    (void)state;
    board_type_text("xyz");
    struct message record = at(LDP, UART + PL011_DR, ACCESS_READ);
    expect(&record, first | REPLY_WRITE_SECOND | REPLY_SECOND(12), 'x', 0);
    assert_int_equal(load(UART + PL011_DR), 'y');
}

static void a_pair_sends_one_byte(void **state) {
    (void)state;
    fakert.reg[10] = 'x';
    fakert.reg[12] = 'y'; // where nothing is sent
    struct message record = at(STP_POST, UART + PL011_DR, ACCESS_WRITE);
    expect(&record, REPLY_WRITE | REPLY_REGISTER(11), UART + 8, 0);
    assert_int_equal(board->out.head, 1);
    assert_int_equal(board->out.data[0], 'x');
}

// Both halves make an interrupt due, and the core is given each once.
static void each_half_of_a_pair_interrupts(void **state) {
    (void)state;
    store(GICD_CTLR, 0x12);
    store(GICR_WAKER, 0);
    store(GICD_IGROUPR1, 0xffffffff);
    store(GICD_IGROUPR1 + 4, 0xffffffff);
    store(GICD_ISENABLER1, 1u << 5);
    store(GICD_ISENABLER1 + 4, 1u << 6);
    fakert.reg[10] = 1u << 5;
    fakert.reg[12] = 1u << 6;
    struct message record = at(STP, GICD_ISPENDR1, ACCESS_WRITE);
    expect(&record, 0, 0, 0);
    assert_int_equal(board_core(0)->raises, 2);
    assert_int_equal(board_core(0)->state[32 + 5], VCPU_LOOK_PENDING);
    assert_int_equal(board_core(0)->state[64 + 6], VCPU_LOOK_PENDING);
}

static void refused(const struct message *record) {
    struct reply reply = board_serve(record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
}

static void what_is_refused(void **state) {
    (void)state;
    struct message record = at(LDP_POST, GICD_IPRIORITYR8, ACCESS_READ);
    refused(&record);
    record = at(LDP_SP, GICD_IPRIORITYR8, ACCESS_READ);
    refused(&record);
    record = at(LDR_SP, GICD_IPRIORITYR8, ACCESS_READ);
    refused(&record);
    // The first half is in RAM, or the second one in another page, or behind the device.
    fakert.reg[11] = GICD - 4;
    record = access_by(LDP, GICD, ACCESS_READ);
    refused(&record);
    record = at(STP, GICD + 0xffc, ACCESS_WRITE);
    refused(&record);
    record = at(STP, GICD + 0xfffc, ACCESS_WRITE);
    refused(&record);
    record = at(LDP, GICD_IPRIORITYR8 + 2, ACCESS_READ);
    refused(&record);
    assert_int_equal(load(GICD + 0xffc), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, board_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(loads_move_their_base), TEST(a_load_that_takes_moves_its_base_once),
        TEST(pairs_are_loaded),      TEST(a_pair_takes_one_byte),
        TEST(a_pair_sends_one_byte), TEST(each_half_of_a_pair_interrupts),
        TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
