// x86_64's npf-pager: accesses to device registers by the instruction that stands there, whatever
// its length and its operands.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/pc.h"

static void test_maps_memory(void **unused) {
    (void)unused;
    const uint64_t accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE, ACCESS_WALK,
                                 ACCESS_WALK | ACCESS_WRITE};
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        struct reply reply = pc_touch(0x234567, accesses[i], CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_MAP);
        assert_int_equal(reply.word[2], 0x234000);
        assert_int_equal(REPLY_MAPPING_SLOT(reply.word[3]), PC_RAM_SLOT);
        assert_int_equal(reply.word[5], 0x234000);
    }
    struct reply reply = pc_touch(PC_FLASH_BASE + 8, ACCESS_READ, CODE_32);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_MAP);
    assert_int_equal(REPLY_MAPPING_SLOT(reply.word[3]), PC_FLASH_SLOT);
    assert_int_equal(REPLY_MAPPING_RIGHTS(reply.word[3]), RIGHT_R);
    assert_int_equal(fakert.requests, 0);
}

static void test_loads(void **unused) {
    (void)unused;
    fakert.reg[RDI] = PC_RTC_BASE;
    PC_INSTRUCT(0x8b, 0x07); // mov eax, [rdi]
    pc_expect_load(pc_touch(PC_RTC_BASE, ACCESS_READ, CODE_64), RAX, PC_LOW, 2);
    PC_INSTRUCT(0x44, 0x8b, 0x4f, 0x00); // mov r9d, [rdi + 0]
    pc_expect_load(pc_touch(PC_RTC_BASE, ACCESS_READ, CODE_64), 9, PC_LOW, 4);
    PC_INSTRUCT(0x48, 0x63, 0x17); // movsxd rdx, [rdi]
    pc_expect_load(pc_touch(PC_RTC_BASE, ACCESS_READ, CODE_64 | 4), RDX, PC_LOW,
                   3); // 64-bit code has no base
}

// What a register keeps when a part of it is loaded (APM volume 1, 3.1.2), and which part of one is
// stored.
static void test_parts_of_registers(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[10];
        uint8_t length, access, reg;
        uint64_t value; // of the register behind it, or of what is stored
    } cases[] = {
        {{0x8a, 0x07}, 2, ACCESS_READ, RAX, 0xfedcba98765432f7},             // mov al, [rdi]
        {{0x8a, 0x27}, 2, ACCESS_READ, RAX, 0xfedcba987654f710},             // mov ah, [rdi]
        {{0x8a, 0x3f}, 2, ACCESS_READ, RBX, 0xfedcba987654f710 + 3},         // mov bh, [rdi]
        {{0x40, 0x8a, 0x27}, 3, ACCESS_READ, RSP, 0xfedcba98765432f7},       // mov spl, [rdi]
        {{0x66, 0x8b, 0x0f}, 3, ACCESS_READ, RCX, 0xfedcba98765486f7},       // mov cx, [rdi]
        {{0x8b, 0x0f}, 2, ACCESS_READ, RCX, 0x848586f7},                     // mov ecx, [rdi]
        {{0x48, 0x8b, 0x0f}, 3, ACCESS_READ, RCX, 0x80818283848586f7},       // mov rcx, [rdi]
        {{0x66, 0x0f, 0xb6, 0x0f}, 4, ACCESS_READ, RCX, 0xfedcba98765400f7}, // movzx cx, byte
        {{0x66, 0x0f, 0xbe, 0x0f}, 4, ACCESS_READ, RCX, 0xfedcba987654fff7}, // movsx cx, byte
        {{0x0f, 0xbe, 0x0f}, 3, ACCESS_READ, RCX, 0xfffffff7},               // movsx ecx, byte
        {{0x48, 0x0f, 0xbf, 0x0f}, 4, ACCESS_READ, RCX, 0xffffffffffff86f7}, // movsx rcx, word
        {{0x0f, 0xb7, 0x0f}, 3, ACCESS_READ, RCX, 0x86f7},                   // movzx ecx, word
        {{0x48, 0x63, 0x0f}, 3, ACCESS_READ, RCX, 0xffffffff848586f7},       // movsxd rcx, dword
        {{0x88, 0x07}, 2, ACCESS_WRITE, RAX, 0x10},                          // mov [rdi], al
        {{0x88, 0x27}, 2, ACCESS_WRITE, RAX, 0x32},                          // mov [rdi], ah
        {{0x66, 0x89, 0x07}, 3, ACCESS_WRITE, RAX, 0x3210},                  // mov [rdi], ax
        {{0x48, 0x89, 0x07}, 3, ACCESS_WRITE, RAX, PC_OTHER_BITS},           // mov [rdi], rax
        {{0x0f, 0xc3, 0x07}, 3, ACCESS_WRITE, RAX, 0x76543210},              // movnti [rdi], eax
        {{0xc6, 0x07, 0xfe}, 3, ACCESS_WRITE, RAX, 0xfe},                    // mov byte [rdi], -2
        {{0x48, 0xc7, 0x07, 0xfe, 0xff, 0xff, 0xff}, 7, ACCESS_WRITE, RAX, 0xfffffffffffffffe},
    };
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &pc_wide};
    struct message first = pc_fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(pc_run(&first, 1, 0), FAKERT_WAITING);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pc_instruct(cases[i].byte, sizeof(cases[i].byte));
        struct message record = pc_fault(region.base + 8, cases[i].access, CODE_64);
        struct reply reply = {0};
        pager_emulate(&pager, &region, &record, &reply);
        uint64_t found = pc.wide_stored;
        if (cases[i].access == ACCESS_READ) {
            assert_int_equal(REPLY_REGISTER_OF(reply.flags), cases[i].reg);
            found = reply.word[0];
        }
        if (found != cases[i].value || reply.word[6] != cases[i].length) {
            fail_msg("case %zu: 0x%llx, length %llu", i, (unsigned long long)found,
                     (unsigned long long)reply.word[6]);
        }
    }
}

static void test_reads_code_as_its_segment_says(void **unused) {
    (void)unused;
    fakert.reg[DS_BASE] = 0;
    PC_INSTRUCT(0xa1, 0x00, 0x00, 0x00, 0xd0, 0x90, 0x90, 0x90, 0x90); // mov eax, [0xd0000000]
    pc_expect_load(pc_touch(PC_RTC_BASE, ACCESS_READ, CODE_32), RAX, PC_LOW, 5);
    memset(&pc.code[5], 0, 4); // the same with an address of 64 bits
    pc_expect_load(pc_touch(PC_RTC_BASE, ACCESS_READ, CODE_64), RAX, PC_LOW, 9);
    // In 16-bit code, whose segment has a base, with prefixes for both sizes.
    PC_INSTRUCT(0x66, 0x67, 0xa1, 0x00, 0x00, 0x00, 0xd0);
    struct message record = pc_fault(PC_RTC_BASE, ACCESS_READ, CODE_16 | 0x200000);
    record.pc = 0x400;
    pc_expect_load(pc_serve(&record), RAX, PC_LOW, 7);
    assert_int_equal(fakert_find(FAKERT_FETCH, 0)->word[0], PC_AT);
}

// Page fault, then what the access would need of registers; RTC has no accesses of other sizes, so
// the local interrupt controller, which has none either, is not asked.
static void test_refuses_sizes_that_a_device_does_not_have(void **unused) {
    (void)unused;
    fakert.reg[RDI] = PC_XAPIC_BASE + 0x20;
    PC_INSTRUCT(0x8a, 0x07); // mov al, [rdi]
    assert_int_equal(pc_touch(PC_XAPIC_BASE + 0x20, ACCESS_READ, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->slot, PC_INIT);
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[2], REPORT_DENIED);
    PC_INSTRUCT(0x8b, 0x07);
    assert_int_equal(pc_touch(PC_XAPIC_BASE + 0x22, ACCESS_READ, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
}

static void test_needs_all_of_a_long_instruction(void **unused) {
    (void)unused;
    // mov dword fs:[rdi + 4 * rcx + 0x80], imm32: 12 bytes
    PC_INSTRUCT(0x64, 0xc7, 0x84, 0x8f, 0x80, 0, 0, 0, 0x78, 0x56, 0x34, 0x12);
    for (unsigned split = 0; split <= 12; split++) {
        pc.code_at = PC_NEXT_PAGE - split;
        struct reply reply = pc_touch(PC_XAPIC_BASE + 0x80, ACCESS_WRITE, CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
        assert_int_equal(reply.word[6], 12);
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[4], 0x12345678);
        // The second page is not there any more: the guest finds out by itself.
        pc.code_absent = PC_NEXT_PAGE;
        reply = pc_touch(PC_XAPIC_BASE + 0x80, ACCESS_WRITE, CODE_64);
        bool is_whole = split == 12;
        assert_int_equal(reply.flags,
                         is_whole ? REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE : REPLY_FLAGS);
        pc.code_absent = UINT64_MAX;
    }
}

static void test_names_what_it_refuses(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[4];
        const char *text;
    } cases[] = {
        {{0x0f, 0xc7, 0x0f, 0x90}, "atomic"},       // cmpxchg8b [rdi]
        {{0xf3, 0xab, 0x90, 0x90}, "string"},       // rep stosd
        {{0xf7, 0x27, 0x90, 0x90}, "computes"},     // mul dword [rdi]
        {{0x0f, 0x11, 0x07, 0x90}, "vector"},       // movups [rdi], xmm0
        {{0x0f, 0x0b, 0x90, 0x90}, "no access to"}, // ud2
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pc_instruct(cases[i].byte, sizeof(cases[i].byte));
        struct reply reply = pc_touch(PC_XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
        assert_non_null(strstr(fakert.text, cases[i].text));
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[2], REPORT_INSTRUCTION);
    }
}

// The guest's code, or its tables, are others now.
static void test_lets_the_guest_look_again(void **unused) {
    (void)unused;
    pc.code_absent = PC_AT;
    assert_int_equal(pc_touch(PC_XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64).flags, REPLY_FLAGS);
    pc.code_absent = UINT64_MAX;
    PC_INSTRUCT(0x8b, 0x07); // a load, but a store has exited
    assert_int_equal(pc_touch(PC_XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64).flags, REPLY_FLAGS);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    // A page-table walk has no instruction.
    assert_int_equal(pc_touch(PC_XAPIC_BASE + 0xb0, ACCESS_WALK | ACCESS_WRITE, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_FETCH), 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, pc_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(maps_memory),
        TEST(loads),
        TEST(parts_of_registers),
        TEST(reads_code_as_its_segment_says),
        TEST(refuses_sizes_that_a_device_does_not_have),
        TEST(needs_all_of_a_long_instruction),
        TEST(names_what_it_refuses),
        TEST(lets_the_guest_look_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
