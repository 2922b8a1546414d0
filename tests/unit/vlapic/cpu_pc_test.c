// timer-server as x86_64 has it: what the processor is said to be, its control registers, and
// instructions that are not there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/include/arch/inputs.h"
#include "servers/timer-server/pc/pc.h"
#include "tests/unit/vlapic/world.h"

#define CR4 20
#define EFER 21
#define CS 29

static struct pc_cpuid_result cpuid(unsigned vcpu, uint32_t leaf, uint32_t subleaf) {
    const struct message made = world_access(vcpu, WORLD_CPUID, subleaf, leaf);
    const struct reply reply = world_serve(&made);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
    return (struct pc_cpuid_result){(uint32_t)reply.word[0], (uint32_t)(reply.word[0] >> 32),
                                    (uint32_t)reply.word[1], (uint32_t)(reply.word[1] >> 32)};
}

static void test_cpuid(void **state) {
    (void)state;
    assert_int_equal(cpuid(0, 0, 0).a, 11);
    assert_int_equal(cpuid(0, 0, 0).d, 3);
    const struct pc_cpuid_result features = cpuid(1, 1, 0);
    assert_int_equal(features.b >> 24, 1);
    assert_int_equal(features.b >> 16 & 0xff, 2);
    assert_true(features.d >> 28 & 1);
    const unsigned there[] = {21, 24, 31}, hidden[] = {3, 5, 12, 17, 26, 27, 28, 29};
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        assert_true(features.c >> there[i] & 1);
    }
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        assert_false(features.c >> hidden[i] & 1);
    }
    assert_false(cpuid(0, 0x80000001, 0).c >> 2 & 1); // SVM
    assert_false(cpuid(0, 0x80000001, 0).d >> 27 & 1);
    assert_true(cpuid(0, 0x80000001, 0).d >> 29 & 1);
    assert_int_equal(cpuid(0, 0x80000000, 0).a, 0x80000008);
    assert_int_equal(cpuid(0, 0x80000008, 0).c, 0x1001);
    assert_true(cpuid(0, 0x80000001, 0).c >> 1 & 1);
    const struct pc_cpuid_result levels[] = {cpuid(1, 11, 0), cpuid(1, 11, 1), cpuid(1, 11, 2)};
    assert_true(levels[0].a == 0 && levels[0].b == 1 && levels[0].c == 0x100 && levels[0].d == 1);
    assert_true(levels[1].a == 1 && levels[1].b == 2 && levels[1].c == 0x201 && levels[1].d == 1);
    assert_true(levels[2].a == 0 && levels[2].b == 0 && levels[2].c == 2 && levels[2].d == 1);
    assert_int_equal(cpuid(0, 7, 1).b, 0);
    const uint32_t nothing[] = {2, 4, 0xd, 0x15, 0x8000000a, 0x80000009, 0xffffffff, 0x40000001};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        const struct pc_cpuid_result found = cpuid(0, nothing[i], 0);
        assert_int_equal(found.a | found.b | found.c | found.d, 0);
    }
    const struct pc_cpuid_result name = cpuid(0, 0x40000000, 0);
    assert_int_equal(name.a, 0x40000010);
    assert_memory_equal(&name.b, "ExeuntExeunt", 12);
    assert_int_equal(cpuid(0, 0x40000010, 0).a, 2000);
    assert_int_equal(cpuid(0, 0x40000010, 0).b, 2000);
}

static void test_instructions_that_are_not_there(void **state) {
    (void)state;
    const uint64_t codes[] = {0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8d, 0x7a};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct message made = world_access(0, codes[i], 0, 0);
        world_expect_fault(world_serve(&made), 6);
    }
    const struct message counters = world_access(0, 0x6f, 0, 0);
    world_expect_fault(world_serve(&counters), 13);
}

static struct reply control(uint64_t which, const char *bytes, size_t count) {
    struct message made = world_access(0, which, 0, 0);
    made.pc = WORLD_CODE_AT;
    memset(world.code, 0x90, sizeof(world.code));
    memcpy(world.code, bytes, count);
    return world_serve_after_deaths(&made);
}
#define CONTROL(which, bytes) control(which, bytes, sizeof(bytes) - 1)

static void expect_write(struct reply reply, unsigned number, uint64_t value, unsigned length) {
    assert_int_equal(reply.flags,
                     REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(number));
    assert_int_equal(reply.word[0], value);
    assert_int_equal(reply.word[6], length);
}

static void test_control_registers(void **state) {
    (void)state;
    const uint64_t cs = world.reg[CS], long_code = UINT64_C(1) << 25;
    world.reg[CS] = long_code;
    world.reg[EFER] = 0x1d01;
    world.reg[0] = 0x310620;
    world.reg[13] = 0xa0;
    world.reg[3] = UINT64_C(0x1000000a0);
    expect_write(CONTROL(0x14, "\x0f\x22\xe0"), CR4, 0x310620, 3);
    expect_write(CONTROL(0x14, "\x66\x2e\x41\x0f\x22\xe5"), CR4, 0xa0, 6);
    expect_write(CONTROL(0x14, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x22\xe0"), CR4,
                 0x310620, 15);
    world_expect_fault(CONTROL(0x14, "\x0f\x22\xe3"), 13); // above 32 bits
    const uint64_t wrong[] = {0, 0x40, 1u << 18 | 0x20, 1u << 22 | 0x20, 1u << 17 | 0x20};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        world.reg[0] = wrong[i];
        world_expect_fault(CONTROL(0x14, "\x0f\x22\xe0"), 13);
    }
    world.reg[CS] = cs; // of 32 bits: what is above does not count, and there is no REX
    world.reg[EFER] = 0x1000;
    expect_write(CONTROL(0x14, "\x0f\x22\xe3"), CR4, 0xa0, 3);
    world_expect_fault(CONTROL(0x14, "\x41\x0f\x22\xe5"), 6);
    world.fetch_fails = true;
    world_expect_fault(CONTROL(0x14, "\x0f\x22\xe0"), 6);
    world.fetch_fails = false;
}

static void test_programs_have_no_control_registers(void **state) {
    (void)state;
    const uint64_t codes[] = {0x14, 0x18, 0x76, 0x89};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct message made = world_access(0, codes[i], 0, 0);
        made.info = MESSAGE_INFO(EXIT_SYSREG, 0, 0);
        world_expect_fault(world_serve(&made), 13);
    }
}

static void test_cr8_is_the_tasks_priority(void **state) {
    (void)state;
    world_turn_on(0);
    world.reg[CS] = UINT64_C(1) << 25;
    world.reg[11] = 6;
    struct reply reply = CONTROL(0x18, "\x45\x0f\x22\xc3");
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 4);
    assert_int_equal(world_read(WORLD_X2APIC(8)), 0x60);
    world_expect_inputs(WORLD_VCPU, (const uint64_t[]){INPUT_PRIORITY + 6}, 1);
    world_write(WORLD_X2APIC(0x3f), 0x55);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    world_write(WORLD_X2APIC(8), 0x6f);
    assert_int_equal(world.input_count, 0); // it is the same for CR8
    world_write(WORLD_X2APIC(8), 0xf0);
    world_expect_inputs(WORLD_VCPU, (const uint64_t[]){INPUT_PRIORITY + 15}, 1);
    world.reg[11] = 16;
    world_expect_fault(CONTROL(0x18, "\x45\x0f\x22\xc3"), 13);
    world.reg[11] = 4;
    CONTROL(0x18, "\x45\x0f\x22\xc3");
    world_expect_inputs(WORLD_VCPU, (const uint64_t[]){INPUT_PRIORITY + 4}, 1);
    assert_int_equal(world_takes(WORLD_VCPU), 0x55);
}

static void test_caches_are_the_hardwares(void **state) {
    (void)state;
    const struct reply reply = CONTROL(0x89, "\x66\x0f\x09");
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 3);
    assert_int_equal(CONTROL(0x76, "\x0f\x08").word[6], 2);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(cpuid),
        TEST(instructions_that_are_not_there),
        TEST(control_registers),
        TEST(programs_have_no_control_registers),
        TEST(cr8_is_the_tasks_priority),
        TEST(caches_are_the_hardwares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
