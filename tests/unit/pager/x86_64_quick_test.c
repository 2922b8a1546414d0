// x86_64's npf-pager: the shortest way, by what was there the last time, and when it is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/pc.h"

static void test_the_second_load_is_quick(void **unused) {
    (void)unused;
    PC_INSTRUCT(0x8b, 0x47, 0x04); // mov eax, [rdi + 4]
    pc_expect_load(pc_touch(PC_RTC_BASE + 4, ACCESS_READ, CODE_64), RAX, 0, 3);
    assert_int_equal(fakert.requests, 2); // each time one fetch
    // The same bytes in another mode are another instruction.
    PC_INSTRUCT(0x8b, 0x87, 0x04, 0x00, 0x00, 0x00); // in 16-bit code: mov ax, [bx + 4]
    struct message records[] = {pc_fault(PC_RTC_BASE + 4, ACCESS_READ, CODE_32),
                                pc_fault(PC_RTC_BASE + 4, ACCESS_READ, CODE_32),
                                pc_fault(PC_RTC_BASE + 4, ACCESS_READ, CODE_64)};
    for (unsigned i = 0; i < 3; i++) {
        fakert_send(&records[i]);
    }
    struct fakert before = fakert;
    fakert_reset();
    pc_configure();
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    for (unsigned i = 0; i < 3; i++) {
        fakert_send(&records[i]);
    }
    struct message other = pc_fault(PC_RTC_BASE + 4, ACCESS_READ, CODE_16);
    fakert_send(&other);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    for (unsigned i = 0; i < 3; i++) {
        pc_expect_load(fakert.answer[i], RAX, 0, 6);
    }
    assert_int_equal(fakert.answer[3].flags, REPLY_FLAGS | REPLY_STOP); // 2 bytes: not there
}

// What one server's stores have put into the device, and what the code's ninth byte becomes behind
// each.
static struct {
    uint64_t value[3];
    uint8_t ninth[3];
    unsigned count;
} stores;

static void store(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, PC_LAPIC);
    assert_true(stores.count < 3);
    pc.code[8] = stores.ninth[stores.count];
    stores.value[stores.count++] = words->word[4];
    *words = (struct rt_words){.word = {STATUS_OK}};
}

// COUNT stores to the same register by one server, each by the instruction that is LENGTH bytes
// behind the last one's.
static void store_by_one_server(unsigned count, unsigned length) {
    fakert_reset();
    pc_configure();
    fakert.on_call = store;
    for (unsigned i = 0; i < count; i++) {
        struct message record = pc_fault(PC_XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64);
        record.pc += (uint64_t)i * length;
        fakert_send(&record);
    }
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(stores.count, count);
}

// What is behind the first eight bytes counts, too.
static void test_tells_long_instructions_apart(void **unused) {
    (void)unused;
    PC_INSTRUCT(0xc7, 0x04, 0x25, 0xb0, 0x00, 0xe0, 0xfe, 1, 1, 0, 0);
    stores = (typeof(stores)){.ninth = {2, 2, 3}};
    store_by_one_server(3, 0);
    assert_int_equal(stores.value[0], 0x101);
    assert_int_equal(stores.value[1], 0x201);
    assert_int_equal(stores.value[2], 0x201);
}

// What is behind the page's end, too, where there were zeros the last time.
static void test_tells_cut_instructions_apart(void **unused) {
    (void)unused;
    pc.code_at = PC_NEXT_PAGE - 10;
    PC_INSTRUCT(0xc7, 0x07, 0, 0, 0, 0, 0, 0, // mov dword [rdi], 0
                0xc7, 0x07, 0x05, 0, 0, 0);   // mov dword [rdi], 5
    stores = (typeof(stores)){.ninth = {0xc7, 0xc7}};
    store_by_one_server(2, 8);
    assert_int_equal(stores.value[0], 0);
    assert_int_equal(stores.value[1], 5);
}

// An access that begins in the page before is not one of the device's first register.
static void test_tells_what_begins_elsewhere(void **unused) {
    (void)unused;
    static const uint64_t begins[] = {PC_XAPIC_BASE, PC_XAPIC_BASE - 2};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t expected = i == 0 ? REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE
                                   : REPLY_FLAGS | (uint64_t)REPLY_STOP;
        fakert.reg[RDI] = begins[i];
        PC_INSTRUCT(0x89, 0x07); // mov [rdi], eax
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 0x30;
        fakert.reg[RCX] = 4;
        PC_INSTRUCT(0x89, 0x44, 0xcf, 0x10); // mov [rdi + 8 * rcx + 16], eax
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 0x1230;
        fakert.reg[FS_BASE] = 0x1230;
        PC_INSTRUCT(0x64, 0x89, 0x07); // mov fs:[rdi], eax
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        uint32_t from_pc = (uint32_t)(begins[i] - PC_AT - 6);
        PC_INSTRUCT(0x89, 0x05, (uint8_t)from_pc, (uint8_t)(from_pc >> 8), (uint8_t)(from_pc >> 16),
                    (uint8_t)(from_pc >> 24)); // mov [rip + from_pc], eax
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 8;
        fakert.reg[RCX] = 64 + 5;
        PC_INSTRUCT(0x0f, 0xab, 0x0f); // bts [rdi], ecx: in the operand after the next
        expected |= i == 0 ? REPLY_WRITE_SECOND | REPLY_SECOND(16) : 0;
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_READ, CODE_64).flags, expected);
        expected &= ~(REPLY_WRITE_SECOND | REPLY_SECOND(16));
        fakert.reg[DS_BASE] = 0x1230;
        fakert.reg[RDI] = begins[i] - 0x1230;
        PC_INSTRUCT(0x89, 0x07);
        assert_int_equal(pc_touch(PC_XAPIC_BASE, ACCESS_WRITE, CODE_32).flags, expected);
    }
}

// Behind a load that has made the next one short, by another instruction.
static void test_tells_it_on_the_shortest_way_too(void **unused) {
    (void)unused;
    for (unsigned before = 0; before < 4; before++) {
        PC_INSTRUCT(0x8b, 0x07, 0x8b, 0x46, 0x10); // mov eax, [rdi]; mov eax, [rsi + 16]
        struct message good = pc_fault(PC_RTC_BASE, ACCESS_READ, CODE_64);
        struct message other = pc_fault(PC_RTC_BASE, ACCESS_READ, CODE_64);
        other.pc += 2;
        fakert_reset();
        pc_configure();
        fakert.reg[RDI] = PC_RTC_BASE;
        fakert.reg[RSI] = PC_RTC_BASE - 0x10 - before;
        fakert_send(&good);
        fakert_send(&other);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        pc_expect_load(fakert.answer[0], RAX, PC_LOW, 2);
        if (before == 0) {
            pc_expect_load(fakert.answer[1], RAX, PC_LOW, 3);
        } else {
            assert_int_equal(fakert.answer[1].flags, REPLY_FLAGS | (uint64_t)REPLY_STOP);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, pc_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_second_load_is_quick),         TEST(tells_long_instructions_apart),
        TEST(tells_cut_instructions_apart),     TEST(tells_what_begins_elsewhere),
        TEST(tells_it_on_the_shortest_way_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
