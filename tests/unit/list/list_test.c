// aarch64's list registers: what a vCPU is given, takes and ends, whether there are enough of them
// or not. The hardware is an array, and the guest takes and ends by writing there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/aarch64/core/gic.h"
#include "arch/aarch64/core/list.h"
#include "arch/aarch64/core/list_hardware.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/interrupt.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"

#define REGISTERS 4
#define STATE (LIST_PENDING | LIST_ACTIVE)

static uint64_t hardware[REGISTERS];
static bool maintained, timer_active;
static struct cpu cpu;
static struct vcpu vcpu;

unsigned list_hardware_registers = REGISTERS;
void list_hardware_read(uint64_t *list) { memcpy(list, hardware, sizeof(hardware)); }
void list_hardware_write(const uint64_t *list, bool maintain) {
    memcpy(hardware, list, sizeof(hardware));
    maintained = maintain;
}
void list_hardware_save(struct arch_vcpu *arch) { arch->vmcr++; }
void list_hardware_load(const struct arch_vcpu *arch) { (void)arch; }
bool list_hardware_quick(uint64_t value) {
    for (unsigned i = 0; i < REGISTERS; i++) {
        if (hardware[i] & STATE) {
            return false;
        }
    }
    hardware[0] = value;
    return true;
}
void gic_guest_timer_active(bool active) { timer_active = active; }

static int begin(void **state) {
    (void)state;
    memset(hardware, 0, sizeof(hardware));
    memset(&cpu, 0, sizeof(cpu));
    memset(&vcpu, 0, sizeof(vcpu));
    maintained = timer_active = false;
    vcpu.context.cpu = &cpu;
    cpu.loaded = &vcpu;
    return 0;
}

static void does(uint64_t what, uint64_t interrupt) {
    assert_int_equal(arch_vcpu_interrupt(&vcpu, what, interrupt), STATUS_OK);
}

static void raise(unsigned intid, unsigned priority) {
    does(VCPU_INTERRUPT_RAISE, INTERRUPT_GIC(intid, priority));
}

// The register that holds INTID; NULL: none does.
static uint64_t *holds(unsigned intid) {
    uint64_t *found = NULL;
    for (unsigned i = 0; i < REGISTERS; i++) {
        if ((hardware[i] & STATE) && LIST_INTID(hardware[i]) == intid) {
            assert_null(found); // never two of them
            found = &hardware[i];
        }
    }
    return found;
}

static uint64_t state_of(unsigned intid) {
    const uint64_t *list = holds(intid);
    return list ? *list & STATE : 0;
}

static void guest_takes(unsigned intid) {
    uint64_t *list = holds(intid);
    assert_non_null(list);
    *list = (*list & ~LIST_PENDING) | LIST_ACTIVE;
}

static void guest_ends(unsigned intid) {
    uint64_t *list = holds(intid);
    assert_non_null(list);
    *list &= ~LIST_ACTIVE;
}

static uint64_t look(unsigned intid) {
    uint64_t state = 99;
    assert_int_equal(arch_vcpu_look(&vcpu, intid, &state), STATUS_OK);
    return state;
}

static void a_register_says_what_was_asked_for(void **state) {
    (void)state;
    const struct {
        uint64_t interrupt, list;
    } cases[] = {
        {INTERRUPT_GIC(40, 0xa0), 40 | 0xa0ull << 48 | LIST_GROUP1},
        {INTERRUPT_GIC(41, 0x08) | INTERRUPT_NOTIFY, 41 | 8ull << 48 | LIST_GROUP1 | LIST_END},
        {INTERRUPT_GIC(42, 0) | INTERRUPT_GROUP0, 42},
        {INTERRUPT_GIC(3, 0) | INTERRUPT_SOURCE(5), 3 | LIST_GROUP1 | 5ull << 32},
        // What is no SGI has no source; the timer's end is the hardware's to tell.
        {INTERRUPT_GIC(16, 0) | INTERRUPT_SOURCE(5), 16 | LIST_GROUP1},
        {INTERRUPT_GIC(27, 0) | INTERRUPT_NOTIFY, 27 | LIST_GROUP1 | LIST_HARDWARE | 27ull << 32},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(NULL);
        does(VCPU_INTERRUPT_RAISE, cases[i].interrupt);
        assert_int_equal(hardware[0], cases[i].list | LIST_PENDING);
        assert_int_equal(hardware[1], 0);
        assert_false(maintained);
    }
}

static void the_most_urgent_of(unsigned first) {
    begin(NULL);
    for (unsigned i = 0; i < 8; i++) {
        raise(first + i, 0xf0 - 0x10 * i);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(state_of(first + i), i < 4 ? 0 : LIST_PENDING);
        assert_int_equal(look(first + i), VCPU_LOOK_PENDING);
    }
    assert_true(maintained);
    // As there is room, the others follow, the more urgent ones first.
    for (unsigned i = 8; i-- > 4;) {
        guest_takes(first + i);
        guest_ends(first + i);
        list_maintain(&vcpu);
        assert_int_equal(state_of(first + i), 0);
        assert_int_equal(state_of(first + i - 4), LIST_PENDING);
    }
    assert_false(maintained);
    assert_int_equal(vcpu.due, 0);
}

static void the_most_urgent_have_the_registers(void **state) {
    (void)state;
    the_most_urgent_of(40);
    the_most_urgent_of(70);
}

static void what_is_active_keeps_its_register(void **state) {
    (void)state;
    raise(60, 0xf0);
    guest_takes(60);
    for (unsigned i = 0; i < 5; i++) {
        raise(40 + i, 0x10);
    }
    assert_int_equal(state_of(60), LIST_ACTIVE);
    assert_true(maintained);
    // Raised while it is active, it comes once more.
    raise(60, 0xf0);
    assert_int_equal(state_of(60), STATE);
    assert_int_equal(look(60), VCPU_LOOK_PENDING | VCPU_LOOK_ACTIVE);
    does(VCPU_INTERRUPT_DEACTIVATE, INTERRUPT_GIC(60, 0));
    assert_int_equal(look(60), VCPU_LOOK_PENDING);
}

static void ends_are_told_where_that_was_asked(void **state) {
    (void)state;
    does(VCPU_INTERRUPT_RAISE, INTERRUPT_GIC(40, 0x10) | INTERRUPT_NOTIFY);
    does(VCPU_INTERRUPT_RAISE, INTERRUPT_GIC(90, 0x10) | INTERRUPT_NOTIFY);
    raise(41, 0x10);
    guest_takes(40);
    list_maintain(&vcpu);
    assert_int_equal(vcpu.due, 0);
    for (unsigned intid = 40; intid < 42; intid++) {
        guest_takes(intid);
        guest_ends(intid);
    }
    guest_takes(90);
    guest_ends(90);
    list_maintain(&vcpu);
    assert_int_equal(vcpu.due, DUE_WINDOW);
    arch_vcpu_window(&vcpu);
    assert_int_equal(vcpu.record.word[0], 1ull << 40);
    assert_int_equal(vcpu.record.word[1], 1ull << (90 - 64));
    // It may be asked for later, too.
    vcpu.due = 0;
    raise(50, 0x10);
    guest_takes(50);
    does(VCPU_INTERRUPT_RAISE, INTERRUPT_GIC(50, 0x10) | INTERRUPT_NOTIFY);
    guest_takes(50);
    guest_ends(50);
    list_maintain(&vcpu);
    assert_int_equal(vcpu.due, DUE_WINDOW);
    arch_vcpu_window(&vcpu);
    assert_int_equal(vcpu.record.word[0], 1ull << 50);
    assert_int_equal(vcpu.record.word[1], 0);
    // Once.
    vcpu.due = 0;
    list_maintain(&vcpu);
    assert_int_equal(vcpu.due, 0);
}

static void what_is_taken_back_is_not_pending_wherever_it_was(void **state) {
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        raise(40 + i, 0x10 * i);
    }
    guest_takes(41);
    does(VCPU_INTERRUPT_TAKE_BACK, INTERRUPT_GIC(40, 0));
    does(VCPU_INTERRUPT_TAKE_BACK, INTERRUPT_GIC(41, 0));
    does(VCPU_INTERRUPT_TAKE_BACK, INTERRUPT_GIC(45, 0)); // it waits
    does(VCPU_INTERRUPT_TAKE_BACK, INTERRUPT_GIC(77, 0)); // it is not there
    assert_int_equal(look(40), 0);
    assert_int_equal(look(41), VCPU_LOOK_ACTIVE);
    assert_int_equal(look(45), 0);
    assert_int_equal(look(77), 0);
    assert_int_equal(state_of(44), LIST_PENDING);
    assert_false(maintained);
}

static void the_timer_is_raised_as_was_said(void **state) {
    (void)state;
    // Nothing was said yet: it is not forwarded.
    assert_true(arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, false));
    assert_int_equal(look(27), 0);
    does(VCPU_INTERRUPT_TIMER, INTERRUPT_GIC(27, 0x40) | INTERRUPT_GROUP0);
    assert_int_equal(look(27), 0);
    assert_false(timer_active);
    assert_true(arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, true));
    assert_int_equal(hardware[0], 27 | 0x40ull << 48 | LIST_PENDING | LIST_HARDWARE | 27ull << 32);
    // It is quiet while the guest has it: raised again, it stays as it is.
    guest_takes(27);
    assert_false(arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, true));
    assert_true(arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, false));
    assert_int_equal(state_of(27), LIST_ACTIVE);
    list_save(&vcpu);
    list_load(&vcpu);
    assert_true(timer_active);
    guest_ends(27);
    raise(40, 0x10); // of others it knows nothing
    list_save(&vcpu);
    list_load(&vcpu);
    assert_false(timer_active);
    // Switched off, it is not pending any more.
    arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, false);
    does(VCPU_INTERRUPT_TIMER, 0);
    assert_int_equal(look(27), 0);
    arch_vcpu_raise(&vcpu, INTERRUPT_TIMER, false);
    assert_int_equal(look(27), 0);
    assert_int_equal(look(0), 0);
}

static void a_vcpu_that_does_not_run_gets_it_when_it_does(void **state) {
    (void)state;
    struct vcpu *other = test_malloc(sizeof(*other));
    memset(other, 0, sizeof(*other));
    other->context.cpu = &cpu;
    cpu.loaded = other;
    raise(40, 0x10);
    assert_null(holds(40));
    assert_true(list_pending(&vcpu));
    assert_false(list_pending(other));
    cpu.loaded = &vcpu;
    list_load(&vcpu);
    assert_int_equal(state_of(40), LIST_PENDING);
    guest_takes(40);
    assert_false(list_pending(&vcpu));
    list_save(&vcpu);
    cpu.loaded = other;
    assert_int_equal(look(40), VCPU_LOOK_ACTIVE);
    test_free(other);
}

static void what_is_not_there_is_invalid(void **state) {
    (void)state;
    uint64_t found;
    assert_int_equal(arch_vcpu_interrupt(&vcpu, VCPU_INTERRUPT_RAISE, INTERRUPT_GIC(128, 0)),
                     STATUS_INVALID);
    assert_int_equal(arch_vcpu_interrupt(&vcpu, VCPU_INTERRUPT_TIMER + 1, 40), STATUS_INVALID);
    assert_int_equal(arch_vcpu_interrupt(&vcpu, VCPU_INTERRUPT_TIMER, INTERRUPT_GIC(30, 0)),
                     STATUS_INVALID);
    assert_int_equal(arch_vcpu_look(&vcpu, 128, &found), STATUS_INVALID);
    for (unsigned i = 0; i < REGISTERS; i++) {
        assert_int_equal(hardware[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_register_says_what_was_asked_for),
        TEST(the_most_urgent_have_the_registers),
        TEST(what_is_active_keeps_its_register),
        TEST(ends_are_told_where_that_was_asked),
        TEST(what_is_taken_back_is_not_pending_wherever_it_was),
        TEST(the_timer_is_raised_as_was_said),
        TEST(a_vcpu_that_does_not_run_gets_it_when_it_does),
        TEST(what_is_not_there_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
