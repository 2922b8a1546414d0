// timer-server as x86_64 has it: what a CPU sends to another, INIT, STARTUP and NMI among it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86_64/include/arch/inputs.h"
#include "tests/unit/vlapic/world.h"

static void test_interrupts_between_cpus(void **state) {
    (void)state;
    world_turn_on(0);
    world_turn_on(1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0x44);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0x44);
    world_write(WORLD_X2APIC(0x30), 2u << 18 | 0x55); // to all
    assert_int_equal(world_takes(WORLD_VCPU), 0x55);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0x55);
    assert_int_equal(world_takes(WORLD_OTHER_VCPU), 0);
    world_write_from(1, WORLD_X2APIC(0x0b), 0);
    world_write_from(1, WORLD_X2APIC(0x0b), 0);
    world_write_from(1, WORLD_X2APIC(0x3f), 0x66); // to itself
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0x66);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
}

static void test_a_vcpu_is_started_by_another(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0xc500);
    world_expect_inputs(WORLD_VCPU + 1, (const uint64_t[]){INPUT_INIT}, 1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0x699);
    world_expect_inputs(WORLD_VCPU + 1, (const uint64_t[]){INPUT_STARTUP + 0x99}, 1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0x699);
    world_expect_inputs(WORLD_VCPU + 1, NULL, 0);
    world_turn_on(1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0x44);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 18 | 0x400);
    world_expect_inputs(WORLD_VCPU + 1, (const uint64_t[]){INPUT_NMI}, 1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 18 | 0x500);
    world_expect_inputs(WORLD_VCPU + 1, (const uint64_t[]){INPUT_INIT}, 1);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0);
    world_write(WORLD_X2APIC(0x30), UINT64_C(7) << 32 | 0x500); // which there is not
    world_expect_inputs(0, NULL, 0);
}

static void test_the_least_busy_gets_it(void **state) {
    (void)state;
    world_turn_on(0);
    world_turn_on(1);
    world_write(WORLD_X2APIC(0x08), 0x30);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 32 | 0x945); // both, by name
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0x45);
    world_write(WORLD_X2APIC(0x08), 0);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 32 | 0x946);
    assert_int_equal(world_takes(WORLD_VCPU), 0x46);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0);
}

// A CPU that would lose it is never the least busy one.
static void test_who_is_off_does_not_get_it(void **state) {
    (void)state;
    world_turn_on(0);
    world_write(WORLD_X2APIC(0x08), 0x30);
    world_write(WORLD_X2APIC(0x30),
                UINT64_C(0xff) << 32 | 0x945); // by name; the other has not been started
    assert_int_equal(world_takes(WORLD_VCPU), 0x45);
    world_turn_on(1);
    world_write_from(1, WORLD_X2APIC(0x0f), 0xff); // off by software
    world_write(WORLD_X2APIC(0x0b), 0);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 32 | 0x946);
    assert_int_equal(world_takes(WORLD_VCPU), 0x46);
    world_turn_on(1);
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 32 | 0x947);
    assert_int_equal(world_takes(WORLD_VCPU + 1), 0x47);
    assert_int_equal(world_takes(WORLD_VCPU), 0);
    world_write(WORLD_X2APIC(0x0b), 0);
    world_write(WORLD_X2APIC(0x30), UINT64_C(1) << 32 | 0x500); // INIT
    world.input_count = 0;
    world_write(WORLD_X2APIC(0x30), UINT64_C(3) << 32 | 0x948);
    assert_int_equal(world_takes(WORLD_VCPU), 0x48);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(interrupts_between_cpus),
        TEST(a_vcpu_is_started_by_another),
        TEST(the_least_busy_gets_it),
        TEST(who_is_off_does_not_get_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
