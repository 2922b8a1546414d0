// Emulated registers: every load and store instruction reaches the clock as it should, and a server
// that dies in the middle is followed by one that does nothing twice.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/world.h"

// Registers of the Goldfish clock, as Linux' driver has them.
#define TIME_LOW 0x00
#define TIME_HIGH 0x04
#define ALARM_LOW 0x08
#define ALARM_HIGH 0x0c
#define IRQ_ENABLED 0x10
#define CLEAR_ALARM 0x14
#define ALARM_STATUS 0x18
#define CLEAR_IRQ 0x1c

// Assembled by llvm-mc; the base register does not count.
#define LW_A0 0x0005a503u   // lw a0, 0(a1)
#define LWU_A0 0x0005e503u  // lwu a0, 0(a1)
#define LW_ZERO 0x0005a003u // lw zero, 0(a1)
#define LW_T6 0x0005af83u   // lw t6, 0(a1)
#define C_LW_A0 0x4188u     // c.lw a0, 0(a1)
#define SW_A0 0x00a5a023u   // sw a0, 0(a1)
#define SW_ZERO 0x0005a023u // sw zero, 0(a1)
#define C_SW_A0 0xc188u     // c.sw a0, 0(a1)

#define NS_PER_TICK 100 // the fake counter runs at 10 MHz

static void expect_loaded(struct reply reply, unsigned reg, uint64_t value, uint64_t length) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(reg));
    assert_int_equal(reply.word[0], value);
    assert_int_equal(reply.word[6], length);
}

static uint64_t load(uint64_t offset) {
    struct reply reply = world_access(offset, ACCESS_READ, LWU_A0);
    expect_loaded(reply, 10, reply.word[0], 4);
    return reply.word[0];
}

static void store(uint64_t offset, uint64_t value) {
    fakert.reg[10] = value;
    struct reply reply = world_access(offset, ACCESS_WRITE, SW_A0);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 4);
}

static uint64_t read_time(void) {
    uint64_t low = load(TIME_LOW);
    return load(TIME_HIGH) << 32 | low;
}

static void test_reads_the_time(void **state) {
    (void)state;
    fakert.now = 0;
    assert_int_equal(read_time(), 0);
    fakert.now = 12345;
    assert_int_equal(read_time(), 12345 * NS_PER_TICK);
    fakert.now = 1ull << 50;
    assert_int_equal(read_time(), (1ull << 50) * NS_PER_TICK);
}

static void test_the_high_half_is_that_of_the_last_low_half(void **state) {
    (void)state;
    fakert.now = 0xffffffff / NS_PER_TICK;
    assert_int_equal(load(TIME_LOW), 0xffffffff / NS_PER_TICK * NS_PER_TICK);
    fakert.now += 10;
    assert_int_equal(load(TIME_HIGH), 0);
    assert_int_equal(load(TIME_LOW),
                     (0xffffffffull / NS_PER_TICK + 10) * NS_PER_TICK % (1ull << 32));
    assert_int_equal(load(TIME_HIGH), 1);
}

static void test_counters_of_any_rate(void **state) {
    (void)state;
    static const struct {
        uint64_t rate, ticks, nanoseconds;
    } times[] = {
        {1, 5, 5000000000},
        {1000000000, 123, 123},
        {1000000000, UINT64_MAX, UINT64_MAX},
        {32768, 32768 * 1000ull, 1000000000000},
        {3000000000, 3000000000, 1000000000},
        {24000000, 24000000ull * 86400 * 365, 31536000000000000},
        {0, 77, 77},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct message low = world_fault(RTC_BASE + TIME_LOW, ACCESS_READ);
        struct message high = world_fault(RTC_BASE + TIME_HIGH, ACCESS_READ);
        world_begin(NULL);
        fakert_timebase(times[i].rate);
        fakert.now = times[i].ticks;
        fakert.instruction = LWU_A0;
        fakert_send(&low);
        fakert_send(&high);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        uint64_t time = fakert.answer[1].word[0] << 32 | fakert.answer[0].word[0];
        // Exact but for the last bits of the fraction: one part in 2^32.
        uint64_t error = times[i].nanoseconds - time;
        assert_true(error <= (times[i].nanoseconds >> 31) + 1);
    }
}

static void test_begins_at_the_epoch(void **state) {
    (void)state;
    struct message record = world_fault(RTC_BASE + TIME_LOW, ACCESS_READ);
    fakert_entry("epoch", CONFIG_NUMBER)->address = 1000000007;
    fakert.now = 10;
    fakert.instruction = LWU_A0;
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert_only_answer()->word[0], 1000000007 + 10 * NS_PER_TICK);
}

static void test_sets_the_time(void **state) {
    (void)state;
    fakert.now = 5000;
    store(TIME_HIGH, 0x12345678);
    store(TIME_LOW, 0x9abcdef0);
    assert_int_equal(read_time(), 0x123456789abcdef0);
    fakert.now += 7;
    assert_int_equal(read_time(), 0x123456789abcdef0 + 7 * NS_PER_TICK);
}

static void test_keeps_the_alarm(void **state) {
    (void)state;
    fakert.now = 1000;
    assert_int_equal(load(ALARM_STATUS), 0);
    store(ALARM_HIGH, 1);
    assert_int_equal(load(ALARM_STATUS), 0); // it is the low half that arms it
    store(ALARM_LOW, 0x80000000);
    assert_int_equal(load(ALARM_LOW), 0x80000000);
    assert_int_equal(load(ALARM_HIGH), 1);
    assert_int_equal(load(ALARM_STATUS), 1);
    fakert.now = 0x180000000 / NS_PER_TICK;
    assert_int_equal(load(ALARM_STATUS), 1);
    fakert.now++;
    assert_int_equal(load(ALARM_STATUS), 0); // it has passed
    store(ALARM_HIGH, 2);
    store(ALARM_LOW, 0);
    assert_int_equal(load(ALARM_STATUS), 1);
    store(CLEAR_ALARM, 1);
    assert_int_equal(load(ALARM_STATUS), 0);
}

static void test_keeps_the_interrupts_switch(void **state) {
    (void)state;
    assert_int_equal(load(IRQ_ENABLED), 0);
    store(IRQ_ENABLED, 0xffffffff);
    assert_int_equal(load(IRQ_ENABLED), 1);
    store(CLEAR_IRQ, 1);
    assert_int_equal(load(IRQ_ENABLED), 1);
    store(IRQ_ENABLED, 2);
    assert_int_equal(load(IRQ_ENABLED), 0);
}

static void test_other_registers_are_empty(void **state) {
    (void)state;
    fakert.now = 77;
    const uint64_t offsets[] = {CLEAR_ALARM, CLEAR_IRQ, 0x20, 0x100, RTC_SIZE - 4};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        store(offsets[i], 0xffffffff);
        assert_int_equal(load(offsets[i]), 0);
    }
}

static void test_loads_by_every_instruction(void **state) {
    (void)state;
    fakert.now = 0xfedcba98;
    const uint64_t low = (uint32_t)(0xfedcba98ull * NS_PER_TICK);
    const uint64_t extended = (uint64_t)(int64_t)(int32_t)low;
    assert_true(extended != low);
    expect_loaded(world_access(TIME_LOW, ACCESS_READ, LW_A0), 10, extended, 4);
    expect_loaded(world_access(TIME_LOW, ACCESS_READ, LWU_A0), 10, low, 4);
    expect_loaded(world_access(TIME_LOW, ACCESS_READ, LW_T6), 31, extended, 4);
    // What stands behind a compressed instruction does not count.
    expect_loaded(world_access(TIME_LOW, ACCESS_READ, C_LW_A0), 10, extended, 2);
    expect_loaded(world_access(TIME_LOW, ACCESS_READ, C_LW_A0 | 0xffff0000), 10, extended, 2);
    struct reply reply = world_access(TIME_LOW, ACCESS_READ, LW_ZERO);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 4);
    assert_int_equal(fakert_find(FAKERT_FETCH, 0)->word[0], 0x80200000);
}

static void test_stores_by_every_instruction(void **state) {
    (void)state;
    fakert.reg[0] = 0x1111; // must never be read
    fakert.reg[10] = 0xaaaaaaaa12345678;
    struct reply reply = world_access(ALARM_LOW, ACCESS_WRITE, C_SW_A0);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 2);
    assert_int_equal(fakert_find(FAKERT_VCPU_READ, 0)->slot, WORLD_VCPU);
    assert_int_equal(fakert_find(FAKERT_VCPU_READ, 0)->word[0], 10);
    assert_int_equal(load(ALARM_LOW), 0x12345678);
    reply = world_access(ALARM_LOW, ACCESS_WRITE, SW_ZERO);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(fakert_count(FAKERT_VCPU_READ), 0);
    assert_int_equal(load(ALARM_LOW), 0);
}

// Hardware that gives the instruction (§8.6.3): its address is taken out, and bit 1 is clear when
// it was a compressed one.
static void test_takes_the_instruction_that_hardware_gives(void **state) {
    (void)state;
    static const struct {
        uint64_t given, length;
    } forms[] = {{0x00002503, 4}, {0x00002501, 2}};
    fakert.now = 5;
    fakert.instruction = SW_A0; // is not looked at
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct message record = world_fault(RTC_BASE + TIME_LOW, ACCESS_READ);
        record.word[3] = forms[i].given;
        expect_loaded(world_serve(&record), 10, 5 * NS_PER_TICK, forms[i].length);
        assert_int_equal(fakert_count(FAKERT_FETCH), 0);
    }
}

static void test_lets_the_guest_try_again_where_its_code_has_changed(void **state) {
    (void)state;
    // A store's exit, but a load stands there now; and the other way round.
    assert_int_equal(world_access(TIME_LOW, ACCESS_WRITE, LW_A0).flags, REPLY_FLAGS);
    assert_int_equal(world_access(TIME_LOW, ACCESS_READ, SW_A0).flags, REPLY_FLAGS);
    // It can't be fetched any more.
    fakert.fetch_fails = true;
    assert_int_equal(world_access(TIME_LOW, ACCESS_READ, LW_A0).flags, REPLY_FLAGS);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
}

static void expect_report(struct reply reply, enum report_cause cause, uint64_t address) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    assert_int_equal(call->word[0], INIT_VM_REPORT);
    assert_int_equal(call->word[2], cause);
    assert_int_equal(call->word[3], address);
    assert_int_equal(call->word[6], RTC_BASE);
}

static void test_reports_what_it_cannot_emulate(void **state) {
    (void)state;
    static const struct {
        uint32_t instruction;
        const char *named;
    } others[] = {
        {0x0005a507, "floating-point"}, // flw fa0, 0(a1)
        {0x2188, "floating-point"},     // c.fld fa0, 0(a1)
        {0x02058507, "vector"},         // vle8.v v10, (a1)
        {0x00a5a52f, "atomic"},         // amoadd.w a0, a0, (a1)
        {0x1005a52f, "atomic"},         // lr.w a0, (a1)
        {0x0045a00f, "cache-block"},    // cbo.zero (a1)
        {0x00000013, "no access"},      // nop
        {0, "no access"},
        {0x0000001f, "more than 32"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_report(world_access(TIME_LOW, ACCESS_READ, others[i].instruction),
                      REPORT_INSTRUCTION, RTC_BASE);
        if (!strstr(fakert.text, others[i].named)) {
            fail_msg("0x%x: \"%s\" does not say %s", others[i].instruction, fakert.text,
                     others[i].named);
        }
    }
}

static void test_reports_accesses_of_other_sizes(void **state) {
    (void)state;
    static const struct {
        uint64_t offset, access;
        uint32_t instruction;
    } others[] = {
        {0, ACCESS_READ, 0x00058503},                                      // lb
        {0, ACCESS_READ, 0x00059503},                                      // lh
        {0, ACCESS_READ, 0x0005b503},                                      // ld
        {0, ACCESS_WRITE, 0x00a58023},                                     // sb
        {0, ACCESS_WRITE, 0x00a5b023},                                     // sd
        {1, ACCESS_READ, LW_A0},                                           // not aligned
        {2, ACCESS_WRITE, SW_A0},      {RTC_SIZE - 2, ACCESS_READ, LW_A0}, // not whole inside
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_report(world_access(others[i].offset, others[i].access, others[i].instruction),
                      REPORT_DENIED, RTC_BASE + others[i].offset);
    }
}

// The guest's code: an instruction at every fourth address.
static const struct {
    uint64_t offset, access;
    uint32_t instruction;
    uint64_t flags;
} code[] = {
#define LOADS(reg) (REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(reg))
    {ALARM_HIGH, ACCESS_WRITE, SW_A0, REPLY_ADVANCE},
    {ALARM_HIGH, ACCESS_READ, LW_A0, LOADS(10)},
    {ALARM_HIGH, ACCESS_READ, LW_A0, LOADS(10)},
    {ALARM_HIGH, ACCESS_READ, LW_T6, LOADS(31)},
    {ALARM_HIGH, ACCESS_WRITE, LW_T6, 0},
    {ALARM_HIGH, ACCESS_READ, LW_T6, LOADS(31)},
    {ALARM_HIGH, ACCESS_WRITE, SW_A0, REPLY_ADVANCE},
    {ALARM_HIGH, ACCESS_READ, SW_A0, 0},
    {ALARM_HIGH, ACCESS_READ, LW_T6, LOADS(31)},
    {ALARM_HIGH, ACCESS_READ, LW_T6, LOADS(31)},
    {ALARM_HIGH, ACCESS_WRITE, LW_T6, 0},
    {ALARM_HIGH + 1, ACCESS_READ, LW_T6, REPLY_STOP},
    {ALARM_HIGH, ACCESS_READ, LW_T6, LOADS(31)},
    {ALARM_HIGH, ACCESS_READ, 0x00058503, REPLY_STOP}, // lb
    {ALARM_HIGH, ACCESS_READ, 0x00058503, REPLY_STOP},
    {ALARM_HIGH, ACCESS_READ, LW_A0, LOADS(10)},
    {ALARM_HIGH + 3, ACCESS_READ, LW_A0, REPLY_STOP},
};

#define CODE_COUNT (sizeof(code) / sizeof(code[0]))
#define CODE_PC 0x80200000ull

static uint64_t fetch_code(uint64_t pc) { return code[(pc - CODE_PC) / 4].instruction; }

// What a server keeps of one access for the next is only used where it is right.
static void test_accesses_one_after_the_other(void **state) {
    (void)state;
    fakert.on_fetch = fetch_code;
    fakert.reg[10] = 0x80000001;
    for (unsigned i = 0; i < CODE_COUNT; i++) {
        struct message record = world_fault(RTC_BASE + code[i].offset, code[i].access);
        record.pc = CODE_PC + 4 * i;
        fakert_send(&record);
    }
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, CODE_COUNT);
    for (unsigned i = 0; i < CODE_COUNT; i++) {
        assert_int_equal(fakert.answer[i].flags, REPLY_FLAGS | code[i].flags);
        if (code[i].flags & REPLY_WRITE) {
            assert_int_equal(fakert.answer[i].word[0], 0xffffffff80000001);
        }
    }
    // Never without looking at what the guest executes.
    assert_true(fakert_count(FAKERT_FETCH) >= CODE_COUNT);
}

static struct pager victim_pager;
static struct message served;

static void serve(void *argument) {
    (void)argument;
    struct reply reply = {0};
    pager_serve(&victim_pager, &served, &reply);
}

// The access, cut short behind every change to the state, and then served by the next server.
static void die_everywhere(uint64_t offset, uint64_t access, uint32_t instruction) {
    static _Alignas(8) uint8_t end[2][4096];
    struct step_images images;
    const char *wrong;
    served = world_fault(RTC_BASE + offset, access);
    fakert.instruction = instruction;
    assert_int_equal(pager_configure(&victim_pager, rt_config, &wrong), STATUS_OK);
    assert_int_equal(pager_adopt(&victim_pager, world_state, 4096), STATUS_OK);
    if (!step_run(serve, NULL, world_state, 4096, &images)) {
        skip();
    }
    struct reply undisturbed = world_serve(&served);
    memcpy(end[0], world_state, sizeof(end[0]));
    const struct state_layout layout = {"npf-pager", PAGER_STATE_VERSION,
                                        sizeof(struct pager_state), NULL, NULL};
    struct state expected, found;
    assert_int_equal(state_open(&expected, end[0], sizeof(end[0]), &layout), STATUS_OK);
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(world_state, images.image[i], 4096);
        struct reply reply = world_serve(&served);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        memcpy(end[1], world_state, sizeof(end[1]));
        assert_int_equal(state_open(&found, end[1], sizeof(end[1]), &layout), STATUS_OK);
        assert_memory_equal(state_current(&found), state_current(&expected),
                            sizeof(struct pager_state));
    }
    assert_true(images.count > 3);
    step_free(&images);
}

static void test_dying_in_a_store(void **state) {
    (void)state;
    fakert.now = 1000;
    fakert.reg[10] = 0x1234;
    die_everywhere(TIME_HIGH, ACCESS_WRITE, SW_A0);
    assert_int_equal(read_time(), 0x123400000000 + 1000 * NS_PER_TICK);
}

static void test_dying_in_a_load_that_changes_the_state(void **state) {
    (void)state;
    fakert.now = 1ull << 40;
    die_everywhere(TIME_LOW, ACCESS_READ, LW_A0);
    assert_int_equal(load(TIME_HIGH), (1ull << 40) * NS_PER_TICK >> 32);
}

// A store that was done and not answered is not done again: the time runs on meanwhile.
static void test_a_store_is_done_once(void **state) {
    (void)state;
    struct message record = world_fault(RTC_BASE + TIME_LOW, ACCESS_WRITE);
    fakert.instruction = SW_A0;
    fakert.now = 1000;
    fakert.reg[10] = 0;
    world_serve(&record);
    fakert.now = 2000;
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(load(TIME_LOW), 1000 * NS_PER_TICK);
    // Each vCPU has its own last one.
    record.info = MESSAGE_INFO(EXIT_STAGE2, 1, 1);
    fakert.instruction = SW_A0;
    world_serve(&record);
    assert_int_equal(fakert_find(FAKERT_VCPU_READ, 0)->slot, WORLD_VCPU + 1);
    assert_int_equal(load(TIME_LOW), 0);
}

static void test_vcpus_without_a_capability_end_the_server(void **state) {
    (void)state;
    struct message record = world_fault(RTC_BASE, ACCESS_WRITE);
    record.info = MESSAGE_INFO(EXIT_STAGE2, 2, 1);
    fakert.instruction = SW_A0;
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, "vcpu-9"));
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_the_time),
        TEST(the_high_half_is_that_of_the_last_low_half),
        TEST(counters_of_any_rate),
        TEST(begins_at_the_epoch),
        TEST(sets_the_time),
        TEST(keeps_the_alarm),
        TEST(keeps_the_interrupts_switch),
        TEST(other_registers_are_empty),
        TEST(loads_by_every_instruction),
        TEST(stores_by_every_instruction),
        TEST(takes_the_instruction_that_hardware_gives),
        TEST(lets_the_guest_try_again_where_its_code_has_changed),
        TEST(reports_what_it_cannot_emulate),
        TEST(reports_accesses_of_other_sizes),
        TEST(accesses_one_after_the_other),
        TEST(dying_in_a_store),
        TEST(dying_in_a_load_that_changes_the_state),
        TEST(a_store_is_done_once),
        TEST(vcpus_without_a_capability_end_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
