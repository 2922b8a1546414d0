// Objects come from the pages they were given, and those pages come back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/space.h"
#include "kernel/object/irq.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/world.h"

static struct server server;
static struct guest guest;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 7);
    guest_make(&guest, &server, 1);
    return 0;
}

static enum status create(enum object_type type, uint64_t first, uint64_t pages, uint64_t a4,
                          uint64_t a5, uint64_t a6) {
    return world_do(world.init, SYSCALL_CREATE, type,
                    WORDS(INIT_SLOT_POOL, first, pages, 200, a4, a5, a6));
}

static enum status destroy(unsigned slot) {
    return world_do(world.init, SYSCALL_DESTROY, slot, WORDS(0));
}

static uint32_t pages_free(void) {
    uint32_t free = 0;
    for (uint32_t i = 0; i < pool.count; i++) {
        free += pool.page[i].type == OBJECT_NONE;
    }
    return free;
}

static void every_object_gives_all_its_pages_back(void **state) {
    (void)state;
    const struct {
        enum object_type type;
        uint64_t pages, a4, a5, a6;
    } objects[] = {
        {OBJECT_TASK, 3, server.space_slot, 0, 0},
        {OBJECT_SPACE, 9, SPACE_TASK, 0, 0},
        {OBJECT_SPACE, 12, SPACE_GUEST, 0, 0},
    };
    uint32_t free = pages_free();
    for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        assert_int_equal(create(objects[i].type, 400, objects[i].pages, objects[i].a4,
                                objects[i].a5, objects[i].a6),
                         STATUS_OK);
        assert_int_equal(pages_free(), free - objects[i].pages);
        assert_int_equal(destroy(200), STATUS_OK);
        assert_int_equal(pages_free(), free);
        assert_int_equal(destroy(200), STATUS_NO_CAP);
    }
}

static void pages_in_use_or_outside_make_nothing(void **state) {
    (void)state;
    uint32_t free = pages_free();
    uint32_t taken = world_index(server.portal_slot);
    assert_int_equal(create(OBJECT_PORTAL, taken, 1, 0, 0, 0), STATUS_EXISTS);
    assert_int_equal(create(OBJECT_PORTAL, 0, 1, 0, 0, 0), STATUS_EXISTS); // the pool's own
    assert_int_equal(create(OBJECT_PORTAL, pool.count, 1, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_PORTAL, UINT64_MAX, 1, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_PORTAL, 1ull << 32 | 400, 1, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_SPACE, pool.count - 4, 8, SPACE_TASK, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_SPACE, 400, 1ull << 32 | 8, SPACE_TASK, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_SPACE, 400, UINT64_MAX, SPACE_TASK, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_TASK, 400, 0, server.space_slot, 0, 0), STATUS_RANGE);
    // An object whose last page is another's.
    assert_int_equal(create(OBJECT_PORTAL, 404, 1, 0, 0, 0), STATUS_OK);
    assert_int_equal(world_do(world.init, SYSCALL_CREATE, OBJECT_TASK,
                              WORDS(INIT_SLOT_POOL, 402, 3, 201, server.space_slot)),
                     STATUS_EXISTS);
    assert_int_equal(pages_free(), free - 1);
}

static void sizes_that_no_object_has_are_refused(void **state) {
    (void)state;
    assert_int_equal(create(OBJECT_PORTAL, 400, 2, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_PORTAL, 400, 0, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_VCPU, 400, 2, guest.space_slot, 9, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_IRQ, 400, 2, 9, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_TASK, 400, 17, server.space_slot, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_SPACE, 400, ARCH_SPACE_ROOT_PAGES + 1, SPACE_TASK, 0, 0),
                     STATUS_RANGE);
    assert_int_equal(create(OBJECT_SPACE, 401, 8, SPACE_TASK, 0, 0), STATUS_RANGE); // not aligned
    assert_int_equal(create(OBJECT_SPACE, 400, 8, 2, 0, 0), STATUS_INVALID);
}

static void a_vcpu_has_one_place_in_its_vm(void **state) {
    (void)state;
    assert_int_equal(create(OBJECT_VCPU, 400, 1, guest.space_slot, 0, 0), STATUS_EXISTS);
    assert_int_equal(create(OBJECT_VCPU, 400, 1, guest.space_slot, SYSCALL_VCPUS_MAX, 0),
                     STATUS_RANGE);
    assert_int_equal(create(OBJECT_VCPU, 400, 1, guest.space_slot, UINT64_MAX, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_VCPU, 400, 1, guest.space_slot, SYSCALL_VCPUS_MAX - 1, 0),
                     STATUS_OK);
}

static void an_interrupt_line_has_one_object(void **state) {
    (void)state;
    assert_int_equal(create(OBJECT_IRQ, 400, 1, WORLD_WAKE_LINE, 0, 0), STATUS_EXISTS);
    assert_int_equal(create(OBJECT_IRQ, 400, 1, 0, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_IRQ, 400, 1, IRQ_LINES, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_IRQ, 400, 1, UINT64_MAX, 0, 0), STATUS_RANGE);
    assert_int_equal(create(OBJECT_IRQ, 400, 1, 9, 0, 0), STATUS_OK);
}

static void what_others_lead_to_does_not_end(void **state) {
    (void)state;
    // A space: its tasks, its vCPUs.
    assert_int_equal(destroy(server.space_slot), STATUS_BUSY);
    assert_int_equal(destroy(guest.space_slot), STATUS_BUSY);
    assert_int_equal(destroy(INIT_SLOT_TASK), STATUS_BUSY);
    assert_int_equal(destroy(INIT_SLOT_SPACE), STATUS_BUSY);
    assert_int_equal(destroy(server.task_slot), STATUS_OK);
    assert_int_equal(destroy(server.space_slot), STATUS_OK);
}

static void a_task_is_destroyed_in_any_state(void **state) {
    (void)state;
    static struct server other;
    uint32_t free = pages_free();
    for (unsigned what = 0; what < 6; what++) {
        struct task *init = world.init;
        if (what == 0) {
            server_make_task(&other); // new
        } else {
            server_make(&other, 0, 9); // waiting
        }
        if (what == 2) { // ready, serving a signal
            world_do(init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
        }
        if (what == 3 || what == 4) { // calling: queued, served
            server_grant(&other, 1, server.portal_slot, RIGHT_CALL, 5, 0);
            if (what == 3) {
                world_do(init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
            }
            world_do(init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
            world_call(other.task, SYSCALL_CALL, 1, WORDS(0));
            assert_int_equal(other.task->state, TASK_CALLING);
        }
        if (what == 5) { // dead, its fault being served by init
            world_do(init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
            world_sleep();
            world_fault(other.task, FAULT_MEMORY, 0, 0);
            assert_ptr_equal(other.task->fault.server, init);
        }
        assert_int_equal(destroy(other.task_slot), STATUS_OK);
        assert_int_equal(destroy(other.space_slot), STATUS_OK);
        // A portal outlives its task.
        free -= what != 0;
        assert_int_equal(pages_free(), free);
    }
}

static void a_thousand_objects_leave_no_trace(void **state) {
    (void)state;
    world.careless = true;
    uint32_t free = pages_free();
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(create(OBJECT_SPACE, 400, 10, SPACE_TASK, 0, 0), STATUS_OK);
        for (unsigned t = 0; t < 8; t++) {
            assert_int_equal(world_do(world.init, SYSCALL_CREATE, OBJECT_TASK,
                                      WORDS(INIT_SLOT_POOL, 410 + t, 1, 201 + t, 200)),
                             STATUS_OK);
            assert_int_equal(world_do(world.init, SYSCALL_TASK, 201 + t, WORDS(TASK_START, 0x1000)),
                             STATUS_OK);
        }
        for (unsigned t = 8; t-- > 0;) {
            assert_int_equal(destroy(201 + (t * 3) % 8), STATUS_OK);
        }
        assert_int_equal(destroy(200), STATUS_OK);
    }
    assert_int_equal(pages_free(), free);
}

static void what_stays_is_of_the_wrong_type(void **state) {
    (void)state;
    unsigned line = world_create(OBJECT_IRQ, 1, 9, 0, 0);
    const unsigned slots[] = {line, server.portal_slot, guest.vcpu_slot[0], INIT_SLOT_HIGH,
                              INIT_SLOT_POOL};
    for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        assert_int_equal(destroy(slots[i]), STATUS_WRONG_TYPE);
        assert_int_not_equal(world.init->cap[slots[i]].type, OBJECT_NONE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_object_gives_all_its_pages_back), TEST(pages_in_use_or_outside_make_nothing),
        TEST(sizes_that_no_object_has_are_refused),  TEST(a_vcpu_has_one_place_in_its_vm),
        TEST(an_interrupt_line_has_one_object),      TEST(what_others_lead_to_does_not_end),
        TEST(a_task_is_destroyed_in_any_state),      TEST(a_thousand_objects_leave_no_trace),
        TEST(what_stays_is_of_the_wrong_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
