// x86_64's npf-pager: accesses to a local interrupt controller by the server that plays it, each
// once wherever either of the two dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/lapic.h"
#include "tests/unit/pager/pc.h"

static void expect_lapic(const struct fakert_request *call, uint64_t seq, uint64_t offset,
                         uint64_t value) {
    assert_non_null(call);
    assert_int_equal(call->slot, PC_LAPIC);
    const uint64_t expected[MESSAGE_WORDS] = {LAPIC_ACCESS, PC_VM, 0, offset, value, seq};
    assert_memory_equal(call->word, expected, sizeof(expected));
}

static void answer_lapic(unsigned portal, struct rt_words *words) {
    if (portal == PC_LAPIC) {
        *words = (struct rt_words){.word = {STATUS_OK, 0xfffffff0, 0x123456}};
    }
}

static void test_hands_on_the_lapic(void **unused) {
    (void)unused;
    fakert.on_call = answer_lapic;
    PC_INSTRUCT(0x8b, 0x0c, 0x25, 0x20, 0x00, 0xe0, 0xfe); // mov ecx, [0xfee00020]
    pc_expect_load(pc_touch(PC_XAPIC_BASE + 0x20, ACCESS_READ, CODE_64), RCX, 0xfffffff0, 7);
    expect_lapic(fakert_find(FAKERT_CALL, 0), pc.last_seq, 0x20, 0);
    PC_INSTRUCT(0x89, 0x86, 0x80, 0x03, 0x00, 0x00); // mov [rsi + 0x380], eax
    struct reply reply = pc_touch(PC_XAPIC_BASE + 0x380, ACCESS_WRITE, CODE_64);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
    assert_int_equal(reply.word[2], 0x123456);
    expect_lapic(fakert_find(FAKERT_CALL, 0), pc.last_seq, 0x380 | LAPIC_WRITE, 0x76543210);
    expect_lapic(fakert_find(FAKERT_CALL, 1), pc.last_seq, 0x380 | LAPIC_WRITE, 0x76543210);
}

// One that plays the controller by the rules: an access with the number of the last one is it
// again.
static struct {
    uint64_t seq;
    unsigned effects;
    uint64_t deadline;
} player;

static void play(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, PC_LAPIC);
    if ((words->word[3] & LAPIC_WRITE) && words->word[5] != player.seq) {
        player.seq = words->word[5];
        player.effects++;
        player.deadline += words->word[4];
    }
    *words = (struct rt_words){.word = {STATUS_OK, 0, player.deadline}};
}

static void test_each_store_counts_once_wherever_it_dies(void **unused) {
    (void)unused;
    PC_INSTRUCT(0x89, 0x86, 0x80, 0x03, 0x00, 0x00); // mov [rsi + 0x380], eax
    fakert.on_call = play;
    fakert.reg[RAX] = 1000;
    bool killed = true;
    for (unsigned at = 1; killed; at++) {
        memset(&player, 0, sizeof(player));
        struct message record = pc_fault(PC_XAPIC_BASE + 0x380, ACCESS_WRITE, CODE_64);
        killed = pc_run(&record, 1, at) == FAKERT_KILLED;
        assert_true(killed || at > 3); // fetch, register, call
        assert_int_equal(pc_run(&record, 1, 0), FAKERT_WAITING);
        assert_int_equal(player.effects, 1);
        assert_int_equal(fakert.answer[0].flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
        assert_int_equal(fakert.answer[0].word[2], 1000);
    }
}

static void test_a_wrong_controller_is_none(void **unused) {
    (void)unused;
    fakert.on_call = NULL;
    PC_INSTRUCT(0x8b, 0x07);
    pc_expect_load(pc_touch(PC_XAPIC_BASE + 0x20, ACCESS_READ, CODE_64), RAX, 0, 2);
    // Nobody plays it.
    fakert_reset();
    fakert_entry("init", CONFIG_CAP)->slot = PC_INIT;
    struct config_entry *window = fakert_entry("state", CONFIG_WINDOW);
    window->address = (uint64_t)(uintptr_t)pc.state;
    window->size = PC_STATE_SIZE;
    memset(pc.state, 0, PC_STATE_SIZE);
    struct config_entry *xapic = fakert_entry("device-9:xapic", CONFIG_NUMBER);
    xapic->guest = PC_XAPIC_BASE;
    xapic->size = 0x1000;
    struct message record = pc_fault(PC_XAPIC_BASE, ACCESS_READ, CODE_64);
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, "lapic"));
}

// An INIT, or the VM's end, came during the service: nobody waits, and nothing is stored.
static void test_a_stopped_vcpu_needs_no_answer(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[2];
        uint64_t access;
    } cases[] = {{{0x89, 0x07}, ACCESS_WRITE}, {{0x09, 0x07}, ACCESS_READ}};
    for (unsigned i = 0; i < 2; i++) {
        pc_instruct(cases[i].byte, sizeof(cases[i].byte));
        const struct message record = pc_fault(PC_XAPIC_BASE + 0xb0, cases[i].access, CODE_64);
        fakert_reset();
        pc_configure();
        fakert.is_stopped = true;
        fakert_send(&record);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        assert_int_equal(fakert_only_answer()->flags, 0);
        assert_int_equal(fakert_count(FAKERT_CALL), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, pc_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(hands_on_the_lapic),
        TEST(each_store_counts_once_wherever_it_dies),
        TEST(a_wrong_controller_is_none),
        TEST(a_stopped_vcpu_needs_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
