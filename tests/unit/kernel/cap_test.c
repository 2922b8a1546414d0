// Capabilities: what a task can't name, it can't touch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/space.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/world.h"

#define SLOT 20 // a free one in the server's table

static struct server server;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 7);
    return 0;
}

static enum status init_do(enum syscall number, uint64_t selector, const uint64_t *words) {
    return world_do(world.init, number, selector, words);
}

static enum status grant(unsigned to, unsigned from, uint64_t rights, uint64_t a3, uint64_t a4) {
    return init_do(SYSCALL_GRANT, server.task_slot, WORDS(to, from, rights, a3, a4));
}

static void init_has_what_boot_says_and_no_more(void **state) {
    (void)state;
    const struct cap *cap = world.init->cap;
    assert_int_equal(cap[0].type, OBJECT_NONE);
    assert_int_equal(cap[INIT_SLOT_POOL].type, OBJECT_POOL);
    assert_int_equal(cap[INIT_SLOT_TASK].type, OBJECT_TASK);
    assert_int_equal(cap[INIT_SLOT_SPACE].type, OBJECT_SPACE);
    assert_int_equal(cap[INIT_SLOT_LOW].base, 0);
    assert_int_equal(cap[INIT_SLOT_LOW].size, MACHINE_MEMORY_BASE);
    assert_int_equal(cap[INIT_SLOT_BUNDLE].rights, RIGHT_R | RIGHT_X | RIGHT_GRANT);
    assert_int_equal(cap[INIT_SLOT_HIGH].base + cap[INIT_SLOT_HIGH].size, ARCH_PHYSICAL_LIMIT);
    // The core's image lies below the bundle, the object memory above it, in no frame.
    uint64_t pool_begin = arch_virt_to_phys(pool.base).v;
    uint64_t pool_end = pool_begin + pool.count * PAGE_SIZE;
    assert_true(cap[INIT_SLOT_BUNDLE].base + cap[INIT_SLOT_BUNDLE].size <= pool_begin);
    assert_true(cap[INIT_SLOT_HIGH].base >= pool_end);
}

static void a_new_task_has_no_capability(void **state) {
    (void)state;
    for (uint32_t i = 0; i < server.task->cap_count; i++) {
        assert_int_equal(server.task->cap[i].type, OBJECT_NONE);
    }
}

static void a_forged_slot_names_nothing(void **state) {
    (void)state;
    const uint64_t forged[] = {0,          1,          SLOT,      server.task->cap_count,
                               UINT32_MAX, UINT64_MAX, 1ull << 32};
    for (unsigned i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
        uint64_t slot = forged[i];
        struct task *task = server.task;
        world_run(world.init);
        init_do(SYSCALL_SIGNAL, server.portal_slot, WORDS(0)); // wakes the server
        assert_int_equal(world_do(task, SYSCALL_CALL, slot, WORDS(0)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_SIGNAL, slot, WORDS(0)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_DESTROY, slot, WORDS(0)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_MAP, slot, WORDS(0, slot)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_GRANT, slot, WORDS(1, 1, 1)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_TASK, slot, WORDS(TASK_STOP)), STATUS_NO_CAP);
        assert_int_equal(world_do(task, SYSCALL_VCPU, slot, WORDS(VCPU_START)), STATUS_NO_CAP);
        for (unsigned type = OBJECT_TASK; type < OBJECT_COUNT; type++) {
            enum status status =
                world_do(task, SYSCALL_CREATE, type, WORDS(slot, 400, 1, SLOT, slot, slot));
            assert_int_not_equal(status, STATUS_OK);
        }
        for (unsigned what = BIND_PORTAL; what <= BIND_IRQ; what++) {
            assert_int_equal(world_do(task, SYSCALL_BIND, what, WORDS(slot, slot, slot)),
                             STATUS_NO_CAP);
        }
        world_wait(task);
    }
}

static void a_capability_of_another_kind_is_refused(void **state) {
    (void)state;
    struct task *init = world.init;
    assert_int_equal(init_do(SYSCALL_CALL, server.task_slot, WORDS(0)), STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_SIGNAL, INIT_SLOT_HIGH, WORDS(0)), STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_MAP, server.task_slot, WORDS(0, INIT_SLOT_HIGH)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_MAP, INIT_SLOT_SPACE, WORDS(0, INIT_SLOT_POOL)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_TASK, server.portal_slot, WORDS(TASK_STOP)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_VCPU, server.task_slot, WORDS(VCPU_STATE)), STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_GRANT, server.space_slot, WORDS(SLOT, 1, 1)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_BIND, BIND_PORTAL, WORDS(server.task_slot, server.task_slot)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_BIND, BIND_FAULT, WORDS(server.portal_slot, 1)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_BIND, BIND_IRQ, WORDS(server.portal_slot, 1)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_BIND, BIND_ROUTE, WORDS(server.portal_slot, 0, 1)),
                     STATUS_WRONG_TYPE);
    // A frame or a portal is no pool, a task's space no guest's.
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_PORTAL, WORDS(INIT_SLOT_HIGH, 400, 1, 50)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_VCPU,
                             WORDS(INIT_SLOT_POOL, 400, 1, 50, server.space_slot, 0)),
                     STATUS_WRONG_TYPE);
    assert_int_equal(init_do(SYSCALL_DESTROY, INIT_SLOT_POOL, WORDS(0)), STATUS_WRONG_TYPE);
    assert_int_equal(init->cap[INIT_SLOT_POOL].type, OBJECT_POOL);
}

static void a_copy_has_the_rights_asked_for_and_never_more(void **state) {
    (void)state;
    for (unsigned have = 0; have <= RIGHTS_ALL; have++) {
        world.init->cap[40] = world.init->cap[server.portal_slot];
        world.init->cap[40].rights = (uint8_t)have;
        for (unsigned want = 0; want <= RIGHTS_ALL + 1; want++) {
            server.task->cap[SLOT] = (struct cap){0};
            enum status status = grant(SLOT, 40, want, 0, 0);
            bool allowed = (have & RIGHT_GRANT) && (want & ~have) == 0;
            assert_int_equal(status, allowed ? STATUS_OK : STATUS_DENIED);
            assert_int_equal(server.task->cap[SLOT].type, allowed ? OBJECT_PORTAL : OBJECT_NONE);
            assert_int_equal(server.task->cap[SLOT].rights, allowed ? want : 0);
        }
        assert_int_equal(grant(SLOT + 1, 40, 1ull << 32, 0, 0), STATUS_DENIED);
    }
}

static void a_portals_copy_carries_the_badge_given_to_it(void **state) {
    (void)state;
    assert_int_equal(grant(SLOT, server.portal_slot, RIGHT_CALL, 0x123456789abcdefull, 0),
                     STATUS_OK);
    assert_int_equal(server.task->cap[SLOT].base, 0x123456789abcdefull);
}

static void a_frames_copy_lies_within_the_frame(void **state) {
    (void)state;
    const struct cap *high = &world.init->cap[INIT_SLOT_HIGH];
    const unsigned rw = RIGHT_R | RIGHT_W;
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, rw, high->size, 0x1000), STATUS_RANGE);
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, rw, 0, high->size + 1), STATUS_RANGE);
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, rw, UINT64_MAX, 2), STATUS_RANGE);
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, rw, 0x1000, UINT64_MAX), STATUS_RANGE);
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, rw, 0x1000, 0x3000), STATUS_OK);
    const struct cap *copy = &server.task->cap[SLOT];
    assert_int_equal(copy->base, high->base + 0x1000);
    assert_int_equal(copy->size, 0x3000);
    assert_int_equal(copy->rights, rw);
}

static void a_taken_or_impossible_slot_is_not_filled(void **state) {
    (void)state;
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, RIGHT_R, 0, 0x1000), STATUS_OK);
    struct cap before = server.task->cap[SLOT];
    assert_int_equal(grant(SLOT, INIT_SLOT_HIGH, RIGHT_R, 0, 0x2000), STATUS_EXISTS);
    assert_memory_equal(&before, &server.task->cap[SLOT], sizeof(before));
    assert_int_equal(grant(0, INIT_SLOT_HIGH, RIGHT_R, 0, 0x1000), STATUS_RANGE);
    assert_int_equal(init_do(SYSCALL_GRANT, server.task_slot,
                             WORDS(server.task->cap_count, INIT_SLOT_HIGH, RIGHT_R, 0, 0x1000)),
                     STATUS_RANGE);
    assert_int_equal(grant(SLOT + 1, 0, 0, 0, 0), STATUS_NO_CAP);
    assert_int_equal(grant(SLOT + 1, 900, 0, 0, 0), STATUS_NO_CAP);
    // And so with CREATE.
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_PORTAL, WORDS(INIT_SLOT_POOL, 400, 1, 0)),
                     STATUS_RANGE);
    assert_int_equal(
        init_do(SYSCALL_CREATE, OBJECT_PORTAL, WORDS(INIT_SLOT_POOL, 400, 1, INIT_SLOT_HIGH)),
        STATUS_EXISTS);
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_PORTAL,
                             WORDS(INIT_SLOT_POOL, 400, 1, world.init->cap_count)),
                     STATUS_RANGE);
    assert_int_equal(pool.page[400].type, OBJECT_NONE);
}

static void a_capability_dies_with_its_object_for_everyone(void **state) {
    (void)state;
    unsigned task = world_create(OBJECT_TASK, 1, server.space_slot, 0, 0);
    uint32_t page = world_index(task);
    assert_int_equal(grant(SLOT, task, RIGHT_R | RIGHT_GRANT, 0, 0), STATUS_OK);
    assert_int_equal(init_do(SYSCALL_GRANT, INIT_SLOT_TASK, WORDS(41, task, RIGHTS_ALL)),
                     STATUS_OK);
    assert_int_equal(init_do(SYSCALL_DESTROY, task, WORDS(0)), STATUS_OK);
    assert_int_equal(init_do(SYSCALL_TASK, 41, WORDS(TASK_READ)), STATUS_NO_CAP);
    // A new object in the same place is not what they name.
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_TASK,
                             WORDS(INIT_SLOT_POOL, page, 1, task, server.space_slot)),
                     STATUS_OK);
    assert_int_equal(init_do(SYSCALL_TASK, 41, WORDS(TASK_READ)), STATUS_NO_CAP);
    init_do(SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    assert_int_equal(world_do(server.task, SYSCALL_TASK, SLOT, WORDS(TASK_READ)), STATUS_NO_CAP);
    // A dead capability's slot is free.
    assert_int_equal(grant(SLOT, task, RIGHT_R, 0, 0), STATUS_OK);
    assert_int_equal(world_do(server.task, SYSCALL_TASK, SLOT, WORDS(TASK_READ)), STATUS_OK);
}

static void each_call_needs_its_right(void **state) {
    (void)state;
    static struct guest guest;
    guest_make(&guest, &server, 1);
    const struct {
        enum syscall number;
        unsigned object; // a slot of init's
        unsigned needs;
        uint64_t word[MESSAGE_WORDS];
    } calls[] = {
        {SYSCALL_SIGNAL, server.portal_slot, RIGHT_CALL, {0}},
        {SYSCALL_CALL, server.portal_slot, RIGHT_CALL, {0}},
        {SYSCALL_MAP, server.space_slot, RIGHT_W, {0, SLOT + 1, 0, 0x1000, RIGHT_R}},
        {SYSCALL_GRANT, server.task_slot, RIGHT_MANAGE, {30, SLOT, 0}},
        {SYSCALL_TASK, server.task_slot, RIGHT_MANAGE, {TASK_STOP}},
        {SYSCALL_TASK, server.task_slot, RIGHT_MANAGE, {TASK_START}},
        {SYSCALL_TASK, server.task_slot, RIGHT_MANAGE, {TASK_GUEST, 1}},
        {SYSCALL_TASK, server.task_slot, RIGHT_R, {TASK_READ}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_MANAGE, {VCPU_START}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_MANAGE, {VCPU_STOP}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_MANAGE, {VCPU_TRACE, 1}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_MANAGE, {VCPU_FEATURES, 0}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_R, {VCPU_READ, 1}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_R, {VCPU_COUNTERS}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_R, {VCPU_TIMES}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_R, {VCPU_STATE}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_R, {VCPU_LOOK, 1}},
        {SYSCALL_VCPU, guest.vcpu_slot[1], RIGHT_W, {VCPU_INTERRUPT, VCPU_INTERRUPT_RAISE, 1, 1}},
        {SYSCALL_DESTROY, server.space_slot, RIGHT_MANAGE, {0}},
    };
    static struct server other;
    server_make(&other, 0, 8);
    assert_int_equal(grant(1, other.portal_slot, RIGHT_CALL, 0, 0), STATUS_OK);
    init_do(SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        server.task->cap[SLOT] = world.init->cap[calls[i].object];
        server.task->cap[SLOT].rights = (uint8_t)(RIGHTS_ALL & ~calls[i].needs);
        uint32_t generation = pool.page[world_index(calls[i].object)].generation;
        assert_int_equal(world_do(server.task, calls[i].number, SLOT, calls[i].word),
                         STATUS_DENIED);
        assert_int_equal(pool.page[world_index(calls[i].object)].generation, generation);
        server.task->cap[SLOT] = (struct cap){0};
    }
}

static void binding_needs_the_right_to_both_ends(void **state) {
    (void)state;
    static struct guest guest;
    guest_make(&guest, &server, 1);
    unsigned line = world_create(OBJECT_IRQ, 1, 9, 0, 0);
    unsigned portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    const struct {
        enum bind what;
        unsigned first, second;
        unsigned first_needs, second_needs;
        unsigned second_at; // its word
    } binds[] = {
        {BIND_PORTAL, portal, server.task_slot, RIGHT_MANAGE, RIGHT_MANAGE, 1},
        {BIND_ROUTE, guest.vcpu_slot[1], portal, RIGHT_MANAGE, RIGHT_CALL, 2},
        {BIND_FAULT, server.task_slot, portal, RIGHT_MANAGE, RIGHT_CALL, 1},
        {BIND_IRQ, line, portal, RIGHT_MANAGE, RIGHT_CALL, 1},
    };
    for (unsigned i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
        for (unsigned lacks = 0; lacks < 2; lacks++) {
            struct cap *cap = world.init->cap;
            cap[60] = cap[binds[i].first];
            cap[61] = cap[binds[i].second];
            cap[60].rights = (uint8_t)(RIGHTS_ALL & ~(lacks ? 0 : binds[i].first_needs));
            cap[61].rights = (uint8_t)(RIGHTS_ALL & ~(lacks ? binds[i].second_needs : 0));
            uint64_t word[MESSAGE_WORDS] = {60};
            word[binds[i].second_at] = 61;
            assert_int_equal(init_do(SYSCALL_BIND, binds[i].what, word), STATUS_DENIED);
        }
    }
}

static void creating_needs_the_pool_and_the_space(void **state) {
    (void)state;
    struct cap *cap = world.init->cap;
    cap[60] = cap[INIT_SLOT_POOL];
    cap[60].rights = RIGHTS_ALL & ~RIGHT_MANAGE;
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_PORTAL, WORDS(60, 400, 1, 50)), STATUS_DENIED);
    cap[61] = cap[server.space_slot];
    cap[61].rights = RIGHTS_ALL & ~RIGHT_MANAGE;
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_TASK, WORDS(INIT_SLOT_POOL, 400, 1, 50, 61)),
                     STATUS_DENIED);
    assert_int_equal(init_do(SYSCALL_CREATE, OBJECT_IRQ, WORDS(60, 400, 1, 50, 9)), STATUS_DENIED);
    assert_int_equal(pool.page[400].type, OBJECT_NONE);
}

static void unknown_numbers_are_invalid(void **state) {
    (void)state;
    assert_int_equal(init_do(SYSCALL_COUNT, 0, WORDS(0)), STATUS_INVALID);
    assert_int_equal(init_do(SYSCALL_BIND, BIND_IRQ + 1, WORDS(0)), STATUS_INVALID);
    assert_int_equal(init_do(SYSCALL_BIND, UINT64_MAX, WORDS(0)), STATUS_INVALID);
    assert_int_equal(init_do(SYSCALL_TASK, server.task_slot, WORDS(TASK_FETCH + 1)),
                     STATUS_INVALID);
    assert_int_equal(init_do(SYSCALL_TASK, server.task_slot, WORDS(UINT64_MAX)), STATUS_INVALID);
    const unsigned types[] = {OBJECT_NONE, OBJECT_FRAME, OBJECT_POOL, OBJECT_COUNT};
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(init_do(SYSCALL_CREATE, types[i], WORDS(INIT_SLOT_POOL, 400, 1, 50)),
                         STATUS_WRONG_TYPE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(init_has_what_boot_says_and_no_more),
        TEST(a_new_task_has_no_capability),
        TEST(a_forged_slot_names_nothing),
        TEST(a_capability_of_another_kind_is_refused),
        TEST(a_copy_has_the_rights_asked_for_and_never_more),
        TEST(a_portals_copy_carries_the_badge_given_to_it),
        TEST(a_frames_copy_lies_within_the_frame),
        TEST(a_taken_or_impossible_slot_is_not_filled),
        TEST(a_capability_dies_with_its_object_for_everyone),
        TEST(each_call_needs_its_right),
        TEST(binding_needs_the_right_to_both_ends),
        TEST(creating_needs_the_pool_and_the_space),
        TEST(unknown_numbers_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
