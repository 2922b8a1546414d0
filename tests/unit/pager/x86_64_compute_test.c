// x86_64's npf-pager: instructions that compute with a device's register.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/lapic.h"
#include "libs/insn/insn.h"
#include "servers/npf-pager/emulate.h"
#include "tests/unit/pager/pc.h"

#define FLAGS(flags) (REPLY_WRITE_SECOND | REPLY_SECOND(16)), (flags)
#define TO(reg) (REPLY_WRITE | REPLY_REGISTER(reg) | REPLY_WRITE_SECOND | REPLY_SECOND(16))

#define BEFORE (INSN_FLAGS & ~INSN_ZF)

// Computing with a register of the device, which holds 0x80818283848586f7. The flags before are all
// set but for ZF.
enum { C = INSN_CF, P = INSN_PF, A = INSN_AF, Z = INSN_ZF, S = INSN_SF, O = INSN_OF };
static const struct {
    uint8_t byte[10];
    uint8_t length, is_write;
    uint64_t effects, flags;
    uint64_t stored, loaded;
} cases[] = {
    {{0x85, 0x0f}, 2, 0, FLAGS(P), 0, 0},                            // test [rdi], ecx
    {{0xf6, 0x07, 0x08}, 3, 0, FLAGS(Z | P), 0, 0},                  // test byte [rdi], 8
    {{0xf7, 0x07, 0, 0, 0, 0x80}, 6, 0, FLAGS(S | P), 0, 0},         // test dword [rdi], 1 << 31
    {{0x80, 0x3f, 0xf7}, 3, 0, FLAGS(Z | P), 0, 0},                  // cmp byte [rdi], 0xf7
    {{0x48, 0x3b, 0x17}, 3, 0, FLAGS(P | A), 0, 0},                  // cmp rdx, [rdi]
    {{0x32, 0x27}, 2, 0, TO(RAX), S | P, 0, 0xfedcba987654c510},     // xor ah, [rdi]
    {{0x66, 0x23, 0x17}, 3, 0, TO(RDX), P, 0, 0xfedcba9876540212},   // and dx, [rdi]
    {{0x23, 0x17}, 2, 0, TO(RDX), P, 0, 0x04040212},                 // and edx, [rdi]
    {{0x09, 0x17}, 2, 1, FLAGS(S), 0xf6d5b6f7, 0},                   // or [rdi], edx
    {{0xf0, 0x83, 0x0f, 0x08}, 4, 1, FLAGS(S | P), 0x848586ff, 0},   // lock or dword [rdi], 8
    {{0x10, 0x37}, 2, 1, FLAGS(C), 0x2a, 0},                         // adc [rdi], dh
    {{0xff, 0x0f}, 2, 1, FLAGS(S | P | C), 0x848586f6, 0},           // dec dword [rdi]
    {{0xf6, 0x17}, 2, 1, FLAGS(BEFORE), 0x08, 0},                    // not byte [rdi]
    {{0xc0, 0x27, 0x04}, 3, 1, FLAGS(C | O), 0x70, 0},               // shl byte [rdi], 4
    {{0x0f, 0xba, 0x37, 0x02}, 4, 1, FLAGS(BEFORE), 0x848586f3, 0},  // btr dword [rdi], 2
    {{0x0f, 0xa3, 0x0f}, 3, 0, FLAGS(BEFORE & ~C), 0, 0},            // bt [rdi], ecx
    {{0x87, 0x17}, 2, 1, TO(RDX), BEFORE, 0x76543212, 0x848586f7},   // xchg [rdi], edx
    {{0x86, 0x37}, 2, 1, TO(RDX), BEFORE, 0x32, 0xfedcba987654f712}, // xchg [rdi], dh
    {{0x0f, 0xc0, 0x17}, 3, 1, TO(RDX), C | P, 0x09, 0xfedcba98765432f7}, // xadd [rdi], dl
    // cmpxchg [rdi], edx; then dl, where AL is no other
    {{0x0f, 0xb1, 0x17}, 3, 1, TO(RAX), C | A | S | O, 0x848586f7, 0x848586f7},
    {{0x0f, 0xb0, 0x17}, 3, 1, TO(RAX), C | A, 0xf7, 0xfedcba98765432f7},
};

// What is computed goes where it belongs.
static void test_computes(void **unused) {
    (void)unused;
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &pc_wide};
    struct message first = pc_fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(pc_run(&first, 1, 0), FAKERT_WAITING);
    fakert.reg[16] = BEFORE | 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        // The CPU may check either first where it loads and stores.
        for (uint64_t access = ACCESS_READ; access <= cases[i].is_write; access++) {
            pc_instruct(cases[i].byte, sizeof(cases[i].byte));
            struct message record = pc_fault(region.base + 8, access, CODE_64);
            struct reply reply = {0};
            pc.wide_stored = 0;
            pager_emulate(&pager, &region, &record, &reply);
            if (reply.flags != (REPLY_FLAGS | REPLY_ADVANCE | cases[i].effects) ||
                reply.word[6] != cases[i].length || reply.word[1] != cases[i].flags ||
                pc.wide_stored != cases[i].stored ||
                ((reply.flags & REPLY_WRITE) && reply.word[0] != cases[i].loaded)) {
                fail_msg("case %zu: flags 0x%llx, 0x%llx stored, 0x%llx to the register, effects "
                         "0x%llx, length %llu",
                         i, (unsigned long long)reply.word[1], (unsigned long long)pc.wide_stored,
                         (unsigned long long)reply.word[0], (unsigned long long)reply.flags,
                         (unsigned long long)reply.word[6]);
            }
            assert_true(fakert_is_valid(&record, &reply));
        }
    }
    // Nothing else has been stored by an instruction that only loads, and none by a store's exit.
    PC_INSTRUCT(0x85, 0x0f);
    struct message record = pc_fault(region.base + 8, ACCESS_WRITE, CODE_64);
    struct reply reply = {0};
    pager_emulate(&pager, &region, &record, &reply);
    assert_int_equal(reply.flags, REPLY_FLAGS);
}

// cmpxchg where the accumulator is what is there: no register but the flags is written.
static void test_exchanges_what_is_equal(void **unused) {
    (void)unused;
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &pc_wide};
    struct message first = pc_fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(pc_run(&first, 1, 0), FAKERT_WAITING);
    fakert.reg[RAX] = 0x848586f7;
    PC_INSTRUCT(0xf0, 0x0f, 0xb1, 0x17); // lock cmpxchg [rdi], edx
    struct message record = pc_fault(region.base + 8, ACCESS_WRITE, CODE_64);
    struct reply reply = {0};
    pager_emulate(&pager, &region, &record, &reply);
    assert_int_equal(reply.flags,
                     REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE_SECOND | REPLY_SECOND(16));
    assert_int_equal(reply.word[1], INSN_ZF | INSN_PF);
    assert_int_equal(pc.wide_stored, 0x76543212);
}

// The same of one that loads before it stores: what was loaded is the first time's.
static struct {
    uint64_t value, seq;
    unsigned effects;
} cell;

static void play_cell(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, PC_LAPIC);
    uint64_t value = cell.value;
    if ((words->word[3] & LAPIC_WRITE) && words->word[5] != cell.seq) {
        cell.seq = words->word[5];
        cell.effects++;
        cell.value = words->word[4];
    }
    *words = (struct rt_words){.word = {STATUS_OK, value, 77}};
}

static void test_computes_once_wherever_it_dies(void **unused) {
    (void)unused;
    static const uint8_t instructions[][8] = {
        {0x0f, 0xc1, 0x86, 0x80, 0x03}, // xadd [rsi + 0x380], eax
        {0xff, 0x86, 0x80, 0x03},       // inc dword [rsi + 0x380]
    };
    fakert.on_call = play_cell;
    fakert.reg[RAX] = 1;
    for (unsigned i = 0; i < 2; i++) {
        pc_instruct(instructions[i], sizeof(instructions[i]));
        bool killed = true;
        for (unsigned at = 1; killed; at++) {
            memset(&cell, 0, sizeof(cell));
            cell.value = 0xffffffff;
            struct message record = pc_fault(PC_XAPIC_BASE + 0x380, ACCESS_READ, CODE_64);
            killed = pc_run(&record, 1, at) == FAKERT_KILLED;
            assert_true(killed || at > 4); // fetch, register or flags, two calls
            struct reply reply = pc_serve(&record);
            assert_int_equal(cell.effects, 1);
            assert_int_equal(cell.value, 0);
            uint64_t wanted = i == 0 ? TO(RAX) : REPLY_WRITE_SECOND | REPLY_SECOND(16);
            assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE | wanted);
            assert_int_equal(reply.word[0], i == 0 ? 0xffffffff : 0);
            assert_int_equal(reply.word[1] & INSN_ZF, INSN_ZF);
            assert_int_equal(reply.word[2], 77);
        }
    }
}

// A device's load may commit the exit's number by itself: a server that died behind that has not
// stored.
static void test_stores_what_was_only_loaded(void **unused) {
    (void)unused;
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &pc_wide};
    struct message record = pc_fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(pc_run(&record, 1, 0), FAKERT_WAITING);
    PC_INSTRUCT(0xff, 0x0f); // dec dword [rdi]
    record = pc_fault(region.base + 8, ACCESS_WRITE, CODE_64);
    state_set(&pager.state, emulate_seen(&pager, pager_vm(&pager, &record), &record), record.seq);
    state_commit(&pager.state);
    for (unsigned i = 0; i < 2; i++) {
        struct reply reply = {0};
        pc.wide_stored = 0;
        pager_emulate(&pager, &region, &record, &reply);
        assert_int_equal(pc.wide_stored, i == 0 ? 0x848586f6 : 0); // once
        assert_int_equal(reply.word[6], 2);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, pc_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(computes),
        TEST(exchanges_what_is_equal),
        TEST(computes_once_wherever_it_dies),
        TEST(stores_what_was_only_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
