// A machine is turned off by one register or two, whether its firmware has left them to others or
// must be asked first, and never waited for without bound.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "servers/init/acpi_off.h"

#define SECOND 1000ull
#define CONTROL_A 0x604u
#define CONTROL_B 0x1604u
#define COMMAND 0xb2u
#define ENABLE 0xf1u
#define SCI_ENABLE 1u

static struct {
    uint64_t now;
    uint16_t control[2]; // A's, B's
    unsigned stores;     // to these
    uint16_t order[4];   // to which
    unsigned commands;   // bytes at COMMAND
    uint64_t answer;     // when SCI_ENABLE comes after the command; 0: never
    uint16_t closed;     // a port that nobody can reach
    uint16_t opened[8];
    unsigned opens;
} machine;

static uint64_t answer_at;

static bool is_open(uint16_t port) {
    for (unsigned i = 0; i < machine.opens; i++) {
        if (machine.opened[i] == port) {
            return true;
        }
    }
    return false;
}

static bool on_open(uint16_t port, unsigned size) {
    assert_int_equal(size, port == COMMAND ? 1 : 2);
    assert_true(machine.opens < 8);
    if (port == machine.closed) {
        return false;
    }
    machine.opened[machine.opens++] = port;
    return true;
}

static uint16_t *control(uint16_t port) {
    assert_true(is_open(port));
    assert_true(port == CONTROL_A || port == CONTROL_B);
    return &machine.control[port == CONTROL_B];
}

static uint16_t on_load(uint16_t port) {
    if (answer_at && machine.now >= answer_at) {
        machine.control[0] |= SCI_ENABLE;
    }
    return *control(port);
}

static void on_store16(uint16_t port, uint16_t value) {
    *control(port) = value;
    assert_true(machine.stores < 4);
    machine.order[machine.stores++] = port;
}

static void on_store8(uint16_t port, uint8_t value) {
    assert_true(is_open(port));
    assert_int_equal(port, COMMAND);
    assert_int_equal(value, ENABLE);
    assert_int_equal(machine.stores, 0); // before the machine is turned off
    machine.commands++;
    answer_at = machine.answer ? machine.now + machine.answer : 0;
}

static uint64_t on_now(void) { return machine.now++; }

static const struct acpi_ports ports = {on_open, on_load, on_store16, on_store8, on_now, SECOND};

static int reset(void **state) {
    (void)state;
    machine = (typeof(machine)){.control = {0x0282, 0x0202}};
    answer_at = 0;
    return 0;
}

static void test_one_register(void **state) {
    (void)state;
    const struct acpi acpi = {.control = {{CONTROL_A, 5}}};
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.stores, 1);
    // What was there stays, but for the type and the bit that makes it so.
    assert_int_equal(machine.control[0], 0x0282 | 5 << 10 | 1 << 13);
    assert_int_equal(machine.commands, 0);
    assert_true(machine.now >= 2 * SECOND && machine.now <= 2 * SECOND + 8);
}

static void test_an_old_type_does_not_stay(void **state) {
    (void)state;
    const struct acpi acpi = {.control = {{CONTROL_A, 0}}};
    machine.control[0] = 0x1c01; // type 7
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.control[0], 0x2001);
}

static void test_both_registers_have_their_own_type(void **state) {
    (void)state;
    const struct acpi acpi = {.control = {{CONTROL_A, 5}, {CONTROL_B, 3}}};
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.stores, 2);
    assert_int_equal(machine.order[0], CONTROL_A);
    assert_int_equal(machine.order[1], CONTROL_B);
    assert_int_equal(machine.control[0], 0x0282 | 5 << 10 | 1 << 13);
    assert_int_equal(machine.control[1], 0x0202 | 3 << 10 | 1 << 13);
}

static void test_the_firmware_is_asked_first(void **state) {
    (void)state;
    const struct acpi acpi = {
        .control = {{CONTROL_A, 5}, {CONTROL_B, 5}}, .enable_port = COMMAND, .enable = ENABLE};
    machine.answer = SECOND / 2;
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.commands, 1);
    assert_int_equal(machine.stores, 2);
    assert_int_equal(machine.control[0], 0x0283 | 5 << 10 | 1 << 13); // SCI_ENABLE stays
    assert_true(machine.now >= SECOND * 5 / 2 && machine.now < 3 * SECOND);
}

static void test_it_is_not_asked_for_what_it_has_done(void **state) {
    (void)state;
    const struct acpi acpi = {
        .control = {{CONTROL_A, 5}}, .enable_port = COMMAND, .enable = ENABLE};
    machine.control[0] |= SCI_ENABLE;
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.commands, 0);
    assert_int_equal(machine.stores, 1);
}

// Then the registers are written all the same: there is nothing to lose.
static void test_a_firmware_that_never_answers(void **state) {
    (void)state;
    const struct acpi acpi = {
        .control = {{CONTROL_A, 5}}, .enable_port = COMMAND, .enable = ENABLE};
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.commands, 1);
    assert_int_equal(machine.stores, 1);
    assert_true(machine.now >= 3 * SECOND && machine.now <= 3 * SECOND + 8);
}

static void test_ports_out_of_reach(void **state) {
    const struct acpi acpi = {
        .control = {{CONTROL_A, 5}, {CONTROL_B, 5}}, .enable_port = COMMAND, .enable = ENABLE};
    const struct {
        uint16_t port;
        unsigned stores, commands;
    } cases[] = {{CONTROL_A, 0, 0}, {CONTROL_B, 1, 1}, {COMMAND, 2, 0}};
    for (unsigned i = 0; i < 3; i++) {
        reset(state);
        machine.closed = cases[i].port;
        acpi_off(&acpi, &ports);
        assert_int_equal(machine.stores, cases[i].stores);
        assert_int_equal(machine.commands, cases[i].commands);
    }
}

static void test_nothing_is_known(void **state) {
    (void)state;
    const struct acpi acpi = {.control = {{0, 0}, {CONTROL_B, 5}}, .enable_port = COMMAND};
    acpi_off(&acpi, &ports);
    assert_int_equal(machine.opens, 0);
    assert_int_equal(machine.now, 0); // nothing to wait for
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_register, reset),
        cmocka_unit_test_setup(test_an_old_type_does_not_stay, reset),
        cmocka_unit_test_setup(test_both_registers_have_their_own_type, reset),
        cmocka_unit_test_setup(test_the_firmware_is_asked_first, reset),
        cmocka_unit_test_setup(test_it_is_not_asked_for_what_it_has_done, reset),
        cmocka_unit_test_setup(test_a_firmware_that_never_answers, reset),
        cmocka_unit_test_setup(test_ports_out_of_reach, reset),
        cmocka_unit_test_setup(test_nothing_is_known, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
