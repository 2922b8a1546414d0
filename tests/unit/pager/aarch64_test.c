// The guest's UART and its interrupt controller: what is sent is sent once, what is typed arrives
// once, and an interrupt is given to the core once, before the answer to what made it due, wherever
// the server dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/vgic/vgic.h"
#include "tests/unit/pager/board.h"

#define GICD_CTLR (GICD + 0x0)
#define GICD_IGROUPR1 (GICD + 0x84)
#define GICD_ISENABLER1 (GICD + 0x104)
#define GICD_IPRIORITYR8 (GICD + 0x420)
#define GICR_WAKER (GICR + 0x14)
#define GICR_IGROUPR0 (GICR + 0x10080)
#define GICR_ISENABLER0 (GICR + 0x10100)
#define GICR_ICENABLER0 (GICR + 0x10180)
#define GICR_ISPENDR0 (GICR + 0x10200)
#define GICR_ICACTIVER0 (GICR + 0x10380)
#define GICR_IPRIORITYR0 (GICR + 0x10400)
#define GICR_IPRIORITYR6 (GICR + 0x10418)

#define PRIORITY 0xa0
#define PRIORITIES 0xa0a0a0a0 // of four
#define TIMER 27

static struct message store_of(uint64_t address, uint64_t value) {
    fakert.reg[10] = value;
    return board_access(address, ACCESS_WRITE);
}

static struct reply store(uint64_t address, uint64_t value) {
    struct message record = store_of(address, value);
    return board_serve(&record);
}

static uint64_t load(uint64_t address) {
    struct message record = board_access(address, ACCESS_READ);
    struct reply reply = board_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(10));
    return reply.word[0];
}

static void what_is_sent_is_in_the_ring_once(void **state) {
    (void)state;
    const char text[] = "two lines\r\nand more";
    for (unsigned i = 0; i < sizeof(text) - 1; i++) {
        struct message record = store_of(UART + PL011_DR, (uint8_t)text[i]);
        struct reply reply = board_serve(&record);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
        board_serve(&record); // it comes again
        assert_int_equal(board->out.head, i + 1);
        assert_true(fakert_count(FAKERT_SIGNAL) >= 1);
    }
    assert_memory_equal(board->out.data, text, sizeof(text) - 1);
}

static void dying_while_a_byte_is_sent(void **state) {
    (void)state;
    store(UART + PL011_DR, 'a');
    struct message record = store_of(UART + PL011_DR, 'b');
    board_die_everywhere(&record);
    assert_int_equal(board->out.head, 2);
    assert_memory_equal(board->out.data, "ab", 2);
}

static void a_full_ring_is_flushed_first(void **state) {
    (void)state;
    board->out.head = RING_BYTES; // of a server before this one
    store(UART + PL011_DR, 'a');
    assert_int_equal(fakert_count(FAKERT_CALL), 1);
    assert_int_equal(board->out.head, RING_BYTES); // nobody has made room: it is lost
    board->out.tail = RING_BYTES;
    store(UART + PL011_DR, 'b');
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    assert_int_equal(board->out.head, RING_BYTES + 1);
    assert_int_equal(board->out.data[0], 'b');
}

static void what_is_typed_arrives_in_order(void **state) {
    (void)state;
    const char *text = "more than the receiver has room for";
    assert_true(load(UART + PL011_FR) & 1u << 4); // empty
    board_type_text(text);
    for (const char *next = text; *next; next++) {
        assert_false(load(UART + PL011_FR) & 1u << 4);
        assert_int_equal(load(UART + PL011_DR), *next);
    }
    assert_true(load(UART + PL011_FR) & 1u << 4);
    assert_int_equal(board->in.tail, strlen(text));
}

static void dying_while_a_byte_is_received(void **state) {
    (void)state;
    board_type_text("xyz");
    struct message record = board_access(UART + PL011_DR, ACCESS_READ);
    struct reply reply = board_die_everywhere(&record);
    assert_int_equal(reply.word[0], 'x');
    assert_int_equal(load(UART + PL011_DR), 'y');
    assert_int_equal(board->in.tail, 3);
}

static void set_up_controller(void) {
    store(GICD_CTLR, 0x12);
    store(GICD_IGROUPR1, ~0u);
    store(GICD_IPRIORITYR8, PRIORITIES);
    for (uint64_t own = 0; own < VCPUS * GICR_SECOND; own += GICR_SECOND) {
        store(GICR_WAKER + own, 0);
        store(GICR_IGROUPR0 + own, ~0u);
        store(GICR_IPRIORITYR0 + own, PRIORITIES);
        store(GICR_IPRIORITYR6 + own, 0x80000000);
    }
}

static struct reply serve_plain(const struct message *record) {
    struct reply reply = board_die_everywhere(record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    return reply;
}

// What the guest's CPU does.

static void acknowledge(unsigned vcpu, unsigned intid) {
    assert_int_equal(board_core(vcpu)->state[intid], VCPU_LOOK_PENDING);
    board_core(vcpu)->state[intid] = VCPU_LOOK_ACTIVE;
}

static struct message end_of(unsigned vcpu, unsigned intid) {
    assert_int_equal(board_core(vcpu)->state[intid], VCPU_LOOK_ACTIVE);
    assert_true(board_core(vcpu)->raised[intid] & INTERRUPT_NOTIFY);
    board_core(vcpu)->state[intid] = 0;
    struct message record = board_exit(EXIT_WINDOW);
    record.info = MESSAGE_INFO(EXIT_WINDOW, vcpu, 1);
    record.word[intid / 64] = 1ull << intid % 64;
    return record;
}

static void interrupts_are_given_where_they_become_due(void **state) {
    (void)state;
    const uint64_t both = 1u << 3 | 1u << 5;
    set_up_controller();
    store(GICR_ISPENDR0, both);
    assert_int_equal(board_core(0)->raises, 0);
    struct message record = store_of(GICR_ISENABLER0, both);
    serve_plain(&record);
    assert_int_equal(board_core(0)->raises, 2);
    assert_int_equal(board_core(0)->raised[3], INTERRUPT_GIC(3, PRIORITY));
    assert_int_equal(board_core(0)->state[5], VCPU_LOOK_PENDING);
    // They are not enabled any more, and pending still: that is taken back.
    acknowledge(0, 5);
    store(GICR_ISPENDR0, 1u << 5);
    record = store_of(GICR_ICENABLER0, both);
    serve_plain(&record);
    assert_int_equal(board_core(0)->state[3], 0);
    assert_int_equal(board_core(0)->state[5], VCPU_LOOK_ACTIVE);
    record = store_of(GICR_ICACTIVER0, both);
    serve_plain(&record);
    assert_int_equal(board_core(0)->state[5], 0);
    assert_int_equal(load(GICR_ISPENDR0), both);
}

static void the_core_learns_how_the_timer_interrupts(void **state) {
    (void)state;
    set_up_controller();
    assert_int_equal(board_core(1)->timer, 0);
    struct message record = store_of(GICR_ISENABLER0 + GICR_SECOND, 1u << TIMER);
    serve_plain(&record);
    assert_int_equal(board_core(1)->timer, INTERRUPT_GIC(TIMER, 0x80));
    assert_int_equal(board_core(0)->timer, 0);
    record = store_of(GICD_CTLR, 0);
    serve_plain(&record);
    assert_int_equal(board_core(1)->timer, 0);
}

static struct message sysreg_of(unsigned iss, uint64_t value) {
    struct message record = board_exit(EXIT_SYSREG);
    record.word[0] = iss;
    record.word[1] = value;
    return record;
}

static void an_interrupt_is_sent_by_a_system_register(void **state) {
    (void)state;
    set_up_controller();
    store(GICR_ISENABLER0, 1u << 2);
    store(GICR_ISENABLER0 + GICR_SECOND, 1u << 2);
    struct message record = sysreg_of(BOARD_SGI1R, 2u << 24 | 3); // INTID 2, to both
    serve_plain(&record);
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        assert_int_equal(board_core(vcpu)->raised[2], INTERRUPT_GIC(2, PRIORITY));
        assert_int_equal(board_core(vcpu)->raises, 1);
        acknowledge(vcpu, 2);
    }
    board_serve(&record); // it comes again
    assert_int_equal(board_core(0)->state[2], VCPU_LOOK_ACTIVE);
}

// Others: sysreg_test.c.
static void the_register_that_sends_cannot_be_read(void **state) {
    (void)state;
    set_up_controller();
    struct message record = sysreg_of(BOARD_SGI1R | 1, 0);
    struct reply reply = board_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], 1u << 25);
}

// The UART's interrupts for what is received.
static void set_up_uart(void) {
    set_up_controller();
    store(GICD_ISENABLER1, 1u << (UART_INTID - 32));
    store(UART + PL011_IMSC, 1u << 4 | 1u << 6);
    assert_int_equal(board_core(0)->raises, 0);
}

static void type_and_signal(const char *text) {
    struct message record = fakert_record(EXIT_SIGNAL, 1, 0, 0);
    board_arrives = text;
    assert_int_equal(board_die_everywhere(&record).flags, 0);
    board_arrives = "";
}

static void what_is_typed_interrupts(void **state) {
    (void)state;
    set_up_uart();
    type_and_signal("ab");
    assert_int_equal(board->in.tail, 2);
    assert_int_equal(board_core(0)->raises, 1);
    assert_int_equal(board_core(0)->raised[UART_INTID],
                     INTERRUPT_GIC(UART_INTID, PRIORITY) | INTERRUPT_NOTIFY);
    type_and_signal("c"); // while it is pending
    assert_int_equal(board_core(0)->raises, 1);
    acknowledge(0, UART_INTID);
    assert_int_equal(load(UART + PL011_DR), 'a');
    assert_int_equal(load(UART + PL011_DR), 'b');
    // There is more: it comes again when it is ended, once.
    struct message record = end_of(0, UART_INTID);
    assert_int_equal(board_die_everywhere(&record).flags, REPLY_FLAGS);
    assert_int_equal(board_core(0)->raises, 2);
    acknowledge(0, UART_INTID);
    board_serve(&record); // an end that has been told of already
    assert_int_equal(board_core(0)->raises, 2);
    assert_int_equal(load(UART + PL011_DR), 'c');
    record = end_of(0, UART_INTID);
    board_serve(&record);
    assert_int_equal(board_core(0)->raises, 2);
}

static void a_load_takes_the_interrupt_back(void **state) {
    (void)state;
    set_up_uart();
    type_and_signal("a");
    assert_int_equal(board_core(0)->state[UART_INTID], VCPU_LOOK_PENDING);
    struct message record = board_access(UART + PL011_DR, ACCESS_READ);
    assert_int_equal(board_die_everywhere(&record).word[0], 'a');
    assert_int_equal(board_core(0)->state[UART_INTID], 0);
    record = store_of(UART + PL011_DR, 'x');
    board_die_everywhere(&record);
    record = store_of(UART + PL011_IMSC, 1u << 5); // its FIFO for what is sent is empty
    serve_plain(&record);
    assert_int_equal(board_core(0)->state[UART_INTID], VCPU_LOOK_PENDING);
}

// A guest that empties the FIFO without looking for more finds more there all the same.
static void what_did_not_fit_follows(void **state) {
    (void)state;
    set_up_uart();
    type_and_signal("0123456789abcdefghij");
    assert_int_equal(board->in.tail, PL011_FIFO);
    acknowledge(0, UART_INTID);
    for (unsigned i = 0; i < PL011_FIFO; i++) {
        load(UART + PL011_DR);
    }
    assert_int_equal(board->in.tail, 20);
    struct message record = end_of(0, UART_INTID);
    board_serve(&record);
    assert_int_equal(board_core(0)->state[UART_INTID], VCPU_LOOK_PENDING);
    for (const char *next = "ghij"; *next; next++) {
        assert_int_equal(load(UART + PL011_DR), *next);
    }
    assert_int_equal(board_core(0)->state[UART_INTID], 0);
}

static void a_clock_has_no_line(void **state) {
    (void)state;
    struct config_entry *clock = fakert_entry("device-9:pl031", CONFIG_NUMBER);
    clock->guest = 0x9010000;
    clock->size = 0x1000;
    clock->address = 2;
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, "device-9:pl031"));
}

// As hardware gives them: the syndrome of a data abort (Arm DDI 0487, ESR_EL2), with IL and ISV.
#define ISS(size, sign, reg, wide, write)                                                          \
    (1u << 31 | 3u << 24 | (size) << 22 | (sign) << 21 | (reg) << 16 | (wide) << 15 | (write) << 6)
#define GIVEN_LDRSW_X10 ISS(2u, 1u, 10u, 1u, 0u)
#define GIVEN_LDR_W10 ISS(2u, 0u, 10u, 0u, 0u)
#define GIVEN_LDR_W30 ISS(2u, 0u, 30u, 0u, 0u)
#define GIVEN_LDR_X10 ISS(3u, 0u, 10u, 1u, 0u)
#define GIVEN_LDR_W10_SHORT (GIVEN_LDR_W10 & ~(1u << 25))
#define GIVEN_STR_W10 ISS(2u, 0u, 10u, 0u, 1u)
#define GICD_TYPER (GICD + 0x4)
#define GICD_IROUTER40 (GICD + 0x6140)
#define GICR_TYPER (GICR + GICR_SECOND + 0x8) // of the last vCPU
#define TYPER_LAST (1u << 8 | 1u << 4)

// What a server keeps of one load for the next is only used where it is right; and hardware that
// says what was done is believed.
static void loads_one_after_the_other(void **state) {
    (void)state;
    static const struct {
        uint64_t address, given, reg, value;
    } loads[] = {
        {GICD_TYPER, GIVEN_LDRSW_X10, 10, VGIC_INTIDS / 32 - 1 + (9u << 19)},
        {GICD_TYPER, GIVEN_LDRSW_X10, 10, VGIC_INTIDS / 32 - 1 + (9u << 19)},
        {GICD_CTLR, GIVEN_LDRSW_X10, 10, 0x50},
        {GICD_CTLR, GIVEN_STR_W10, 0, 0x80000002},
        {GICD_CTLR, GIVEN_LDR_W30, 30, 0x52},
        {GICD_CTLR, GIVEN_LDR_W30, 30, 0x52},
        {GICR_TYPER, GIVEN_LDR_W30, 30, TYPER_LAST},
        {GICR_TYPER, GIVEN_LDR_X10, 10, 1ull << 32 | TYPER_LAST},
        {GICR_TYPER, GIVEN_LDR_X10, 10, 1ull << 32 | TYPER_LAST},
        {GICR_TYPER, GIVEN_LDRSW_X10, 10, TYPER_LAST},
        {GICD_IROUTER40, GIVEN_STR_W10, 0, 0x80000002},
        {GICD_IROUTER40, GIVEN_LDRSW_X10, 10, 0xffffffff80000002},
        {GICD_IROUTER40, GIVEN_LDRSW_X10, 10, 0xffffffff80000002},
        {GICD_IROUTER40, GIVEN_LDR_W10, 10, 0x80000002},
        {GICD_IROUTER40, GIVEN_LDR_W10, 10, 0x80000002},
        {UART + PL011_FR, GIVEN_LDR_W10, 10, 0x97},
        {UART + PL011_FR, GIVEN_LDR_W10, 10, 0x97},
        {GICD_CTLR, GIVEN_LDR_W10, 10, 0x52},
        {GICD_CTLR, GIVEN_LDR_W10, 10, 0x52},
        {GICD_CTLR, GIVEN_LDR_W10_SHORT, 10, 0x52}, // an instruction of 16 bits, twice …
        {GICD_CTLR, GIVEN_LDR_W10_SHORT, 10, 0x52}, // … since the second takes a shorter way
    };
    const unsigned count = sizeof(loads) / sizeof(loads[0]);
    board_config();
    fakert.reg[10] = 0x80000002;
    for (unsigned i = 0; i < count; i++) {
        bool is_store = loads[i].given == GIVEN_STR_W10;
        struct message record =
            board_access(loads[i].address, is_store ? ACCESS_WRITE : ACCESS_READ);
        record.word[3] = loads[i].given;
        fakert_send(&record);
    }
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, count);
    for (unsigned i = 0; i < count; i++) {
        if (loads[i].reg != 0) {
            assert_int_equal(fakert.answer[i].flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE |
                                                         REPLY_REGISTER(loads[i].reg));
            assert_int_equal(fakert.answer[i].word[0], loads[i].value);
            bool is_short = loads[i].given == GIVEN_LDR_W10_SHORT;
            assert_int_equal(fakert.answer[i].word[6], is_short ? 2 : 4);
        }
    }
    assert_int_equal(fakert_count(FAKERT_FETCH), 0);
}

static void a_gicv2_sends_by_its_distributor(void **state) {
    (void)state;
    store(GICD_CTLR, 1);
    store(GICD + 0x400, PRIORITIES);
    struct message record = store_of(GICD + 0xf00, 2u << 24); // SGIR: SGI 0, to itself
    board_die_everywhere(&record);
    const uint64_t sgi = INTERRUPT_GIC(0, PRIORITY) | INTERRUPT_NOTIFY | INTERRUPT_GROUP0;
    assert_int_equal(board_core(0)->raised[0], sgi | INTERRUPT_SOURCE(0));
    record = store_of(GICD + 0xf00, 1u << 24); // to the other
    record.info = MESSAGE_INFO(EXIT_STAGE2, 1, 1);
    board_serve(&record);
    assert_int_equal(board_core(0)->raises, 1);
    board_core(0)->state[0] = 0; // the first is ended
    record = board_exit(EXIT_WINDOW);
    record.word[0] = 1;
    board_die_everywhere(&record);
    assert_int_equal(board_core(0)->raised[0], sgi | INTERRUPT_SOURCE(1));
    assert_int_equal(board_core(0)->raises, 2);
}

static void a_gicv2_knows_who_asks(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        struct message record = board_access(GICD + 0x800, ACCESS_READ);
        record.info = MESSAGE_INFO(EXIT_STAGE2, vcpu, 1);
        assert_int_equal(board_serve(&record).word[0], 0x01010101u << vcpu);
    }
    // As any system register that is not there.
    struct message record = board_exit(EXIT_SYSREG);
    record.word[0] = BOARD_SGI1R;
    assert_int_equal(board_serve(&record).flags, REPLY_FLAGS | REPLY_INJECT);
}

#define TEST(name) cmocka_unit_test_setup(name, board_begin)
#define TEST_V2(name) cmocka_unit_test_setup(name, board_begin_v2)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_is_in_the_ring_once),
        TEST(dying_while_a_byte_is_sent),
        TEST(a_full_ring_is_flushed_first),
        TEST(what_is_typed_arrives_in_order),
        TEST(dying_while_a_byte_is_received),
        TEST(interrupts_are_given_where_they_become_due),
        TEST(the_core_learns_how_the_timer_interrupts),
        TEST(an_interrupt_is_sent_by_a_system_register),
        TEST(the_register_that_sends_cannot_be_read),
        TEST(what_is_typed_interrupts),
        TEST(a_load_takes_the_interrupt_back),
        TEST(what_did_not_fit_follows),
        TEST(a_clock_has_no_line),
        TEST(loads_one_after_the_other),
        TEST_V2(a_gicv2_sends_by_its_distributor),
        TEST_V2(a_gicv2_knows_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
