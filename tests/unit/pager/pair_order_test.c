// In which order a pair's access asks, does, notes and tells: nothing is asked of a vCPU once there
// was an effect, and who goes on for a server that died stores what was not stored, and tells of
// both stores.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "servers/npf-pager/emulate.h"
#include "tests/unit/pager/board.h"

#define GICD_CTLR (GICD + 0x0)
#define GICD_IGROUPR1 (GICD + 0x84)
#define GICD_ISENABLER1 (GICD + 0x104)
#define GICD_ISPENDR1 (GICD + 0x204)
#define GICR_WAKER (GICR + 0x14)

#define STP 0x2900316au      // stp w10, w12, [x11]
#define STP_POST 0x2881316au // stp w10, w12, [x11], #8
#define LDP_TWO 0x28c17d6au  // ldp w10, wzr, [x11], #8

static const uint64_t done = REPLY_FLAGS | REPLY_ADVANCE;

static void store(uint64_t address, uint64_t value) {
    fakert.reg[10] = value;
    struct message record = board_access(address, ACCESS_WRITE);
    assert_int_equal(board_serve(&record).flags, done);
}

static void (*core_interrupt)(unsigned slot, enum vcpu_interrupt what, uint64_t interrupt,
                              uint64_t number);
static unsigned interrupts;

static void interrupt_and_stop(unsigned slot, enum vcpu_interrupt what, uint64_t interrupt,
                               uint64_t number) {
    // When it takes over, a server gives the last one again.
    const bool is_new = number > board_core(0)->number;
    core_interrupt(slot, what, interrupt, number);
    fakert.is_stopped |= is_new;
    interrupts += is_new;
}

// The vCPU is stopped while the first effect of INSTRUCTION, at ADDRESS, takes place.
static struct reply stopped_meanwhile(uint32_t instruction, uint64_t address, enum access access) {
    fakert.reg[11] = address;
    struct message record = board_access(address, access);
    board_config();
    fakert.instruction = instruction;
    core_interrupt = fakert.on_interrupt;
    fakert.on_interrupt = interrupt_and_stop;
    interrupts = 0;
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    return *fakert_only_answer();
}

static void set_up(void) {
    store(GICD_CTLR, 0x12);
    store(GICR_WAKER, 0);
    store(GICD_IGROUPR1, ~0u);
    store(GICD_IGROUPR1 + 4, ~0u);
}

static void stores_ask_nothing_behind_an_effect(void **state) {
    (void)state;
    set_up();
    store(GICD_ISENABLER1, 1u << 5);
    store(GICD_ISENABLER1 + 4, 1u << 6);
    fakert.reg[10] = 1u << 5;
    fakert.reg[12] = 1u << 6;
    struct reply reply = stopped_meanwhile(STP_POST, GICD_ISPENDR1, ACCESS_WRITE);
    assert_int_equal(interrupts, 2);
    assert_int_equal(reply.flags, done | REPLY_WRITE | REPLY_REGISTER(11));
    assert_int_equal(reply.word[0], GICD_ISPENDR1 + 8);
}

// What is loaded is gone from the UART, and its interrupt with it.
static void loads_ask_nothing_behind_an_effect(void **state) {
    (void)state;
    set_up();
    store(GICD_ISENABLER1, 1u << (UART_INTID - 32));
    store(UART + PL011_IMSC, 1u << 4 | 1u << 6);
    board_type('x');
    struct message signal = fakert_record(EXIT_SIGNAL, 1, 0, 0);
    board_serve(&signal);
    struct reply reply = stopped_meanwhile(LDP_TWO, UART + PL011_DR, ACCESS_READ);
    assert_int_equal(interrupts, 1);
    assert_int_equal(reply.flags, done | REPLY_WRITE | REPLY_REGISTER(10) | REPLY_WRITE_SECOND |
                                      REPLY_SECOND(11));
    assert_int_equal(reply.word[0], 'x');
    assert_int_equal(reply.word[1], UART + 8);
}

// A device that keeps nothing: it writes down what is asked of it, until the server dies.
#define DEVICE 0x5000
#define EVENTS 4
#define NEVER 100

static char event[2 * EVENTS + 1]; // two characters each
static size_t events, dies_at;
static jmp_buf death;

static void happens(char what, const struct device_access *access) {
    if (events == dies_at) {
        longjmp(death, 1);
    }
    assert_true(events < EVENTS);
    event[2 * events] = what;
    event[2 * events + 1] = (char)('0' + access->offset / 4);
    events++;
}

static void device_store(const struct device_access *access) {
    assert_int_equal(access->value, fakert.reg[access->offset ? 12 : 10]);
    happens('s', access);
}

static void device_stored(const struct device_access *access) {
    happens('t', access);
    access->reply->flags |= REPLY_DEADLINE;
}

static const struct device_effects effects = {.store = device_store, .stored = device_stored};
static const struct device_model model = {.name = "told", .sizes = 4, .effects = &effects};

// A server that has just started serves RECORD, and dies at that event: what had happened by then.
static const char *serve(const struct message *record, size_t at, struct reply *reply) {
    static struct pager server;
    const struct region region = {.base = DEVICE, .size = REGION_SMALL, .model = &model};
    struct pager_access access;
    const char *wrong;
    assert_int_equal(pager_configure(&server, rt_config, &wrong), STATUS_OK);
    assert_int_equal(pager_adopt(&server, board->state, sizeof(board->state)), STATUS_OK);
    emulate_keep(&access, insn_decode(STP), STP, 0);
    memset(event, 0, sizeof(event));
    events = 0;
    dies_at = at;
    if (setjmp(death) == 0) {
        pair_access(&server, &region, &access, record, reply);
    }
    return event;
}

static void each_store_is_done_once_and_told_of(void **state) {
    (void)state;
    // s: stored, t: told of; by the server that dies, and by the one that follows it.
    static const struct {
        const char *dying, *next;
    } servers[] = {
        {"", "s0t0s1t1"},   {"s0", "t0s1t1"},     {"s0t0", "t0s1t1"},
        {"s0t0s1", "t0t1"}, {"s0t0s1t1", "t0t1"}, // only its answer is missing
    };
    fakert.reg[10] = 0x11111111;
    fakert.reg[12] = 0x22222222;
    for (size_t at = 0; at < sizeof(servers) / sizeof(servers[0]); at++) {
        struct message record = board_access(DEVICE, ACCESS_WRITE);
        struct reply reply = {0};
        assert_string_equal(serve(&record, at, &reply), servers[at].dying);
        reply = (struct reply){0};
        assert_string_equal(serve(&record, NEVER, &reply), servers[at].next);
        assert_int_equal(reply.flags, done | REPLY_DEADLINE);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, board_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stores_ask_nothing_behind_an_effect),
        TEST(loads_ask_nothing_behind_an_effect),
        TEST(each_store_is_done_once_and_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
