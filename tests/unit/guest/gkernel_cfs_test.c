// gkernel's scheduler gives CPU time by weight, to those who sleep too, and starves nobody.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/gkernel/cfs.h"

#define MS UINT64_C(1000000)
#define SECONDS (1000 * MS)

// A CPU with a tick of 1 ms.
struct cpu {
    struct cfs_queue queue;
    struct cfs_entity *running;
    uint64_t now;
};

// What has just begun to run makes it, if nobody else does.
static void add(struct cpu *cpu, struct cfs_entity *entity, int nice) {
    struct cfs_entity boot;
    cfs_entity_init(&boot, 0);
    boot.vruntime = cpu->queue.min_vruntime;
    cfs_entity_init(entity, nice);
    cfs_place_new(&cpu->queue, cpu->running != NULL ? cpu->running : &boot, entity);
    cfs_enqueue(&cpu->queue, entity);
}

// Runs for a tick and returns who ran.
static struct cfs_entity *tick(struct cpu *cpu) {
    if (cpu->running == NULL)
        cpu->running = cfs_pick(&cpu->queue, cpu->now);
    struct cfs_entity *ran = cpu->running;
    cpu->now += MS;
    if (ran == NULL)
        return NULL;
    cfs_account(&cpu->queue, ran, cpu->now);
    if (cfs_should_preempt(&cpu->queue, ran)) {
        cfs_enqueue(&cpu->queue, ran);
        cpu->running = cfs_pick(&cpu->queue, cpu->now);
    }
    return ran;
}

static void test_equals_share_equally(void **state) {
    (void)state;
    struct cpu cpu = {.now = 5 * SECONDS};
    struct cfs_entity entity[3];
    uint64_t ran[3] = {0};
    for (unsigned i = 0; i < 3; i++)
        add(&cpu, &entity[i], 0);
    for (unsigned i = 0; i < 9000; i++)
        ran[tick(&cpu) - entity]++;
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(ran[i], 2990, 3010);
}

// Each step of nice is worth a factor of 1.25: with nice 0, 0 and 5 the last one has
// 1 / (1 + 2 * 1.25^5) of the time, 14.08 %.
static void test_shares_follow_the_weights(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[3];
    uint64_t ran[3] = {0};
    add(&cpu, &entity[0], 0);
    add(&cpu, &entity[1], 0);
    add(&cpu, &entity[2], 5);
    for (unsigned i = 0; i < 20000; i++)
        ran[tick(&cpu) - entity]++;
    assert_in_range(ran[2], 2816 * 95 / 100, 2816 * 105 / 100);
    assert_in_range(ran[0], 8592 * 95 / 100, 8592 * 105 / 100);
    assert_in_range(ran[1], 8592 * 95 / 100, 8592 * 105 / 100);
}

static void test_the_extremes_both_run(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[2];
    uint64_t ran[2] = {0};
    add(&cpu, &entity[0], CFS_NICE_MIN);
    add(&cpu, &entity[1], CFS_NICE_MAX);
    for (unsigned i = 0; i < 60000; i++)
        ran[tick(&cpu) - entity]++;
    // 1 in 1.25^39 = 6019: it runs a tick at a time, so the share is coarse.
    assert_in_range(ran[1], 2, 40);
}

// One that slept for a long time runs at once, but does not get back what it did not use.
static void test_a_sleeper_has_no_savings(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[2];
    uint64_t ran[2] = {0};
    add(&cpu, &entity[0], 0);
    add(&cpu, &entity[1], 0);
    // The second goes to sleep as soon as it runs; the first has the CPU for ten seconds.
    while (cpu.running != &entity[1])
        tick(&cpu);
    cpu.running = NULL;
    for (unsigned i = 0; i < 10000; i++)
        assert_ptr_equal(tick(&cpu), &entity[0]);

    cfs_place_woken(&cpu.queue, &entity[1]);
    cfs_enqueue(&cpu.queue, &entity[1]);
    for (unsigned i = 0; i < 100; i++)
        ran[tick(&cpu) - entity]++;
    assert_in_range(ran[1], 48, 56);
    assert_in_range(ran[0], 44, 52);
}

static void test_a_new_one_waits_for_its_turn(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[3];
    add(&cpu, &entity[0], 0);
    add(&cpu, &entity[1], 0);
    for (unsigned i = 0; i < 100; i++)
        tick(&cpu);
    const struct cfs_entity *runs = cpu.running;
    add(&cpu, &entity[2], 0);
    assert_ptr_equal(tick(&cpu), runs);
    // In a period all of them have a turn.
    bool ran[3] = {false};
    for (unsigned i = 0; i < 6; i++)
        ran[tick(&cpu) - entity] = true;
    assert_true(ran[0] && ran[1] && ran[2]);
}

// One of nice 19 that makes a child whenever it has run, and ends, gets no more than one that
// stays: 15 of 1039.
static void test_making_children_gains_no_time(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity stays, line[2];
    unsigned ran = 0;
    add(&cpu, &stays, 0);
    add(&cpu, &line[0], CFS_NICE_MAX);
    for (unsigned i = 0; i < 20000; i++) {
        if (cpu.running == NULL)
            cpu.running = cfs_pick(&cpu.queue, cpu.now);
        struct cfs_entity *one = cpu.running;
        if (one == &stays) {
            tick(&cpu);
            continue;
        }
        ran++;
        cpu.now += MS;
        cfs_account(&cpu.queue, one, cpu.now);
        add(&cpu, one == &line[0] ? &line[1] : &line[0], CFS_NICE_MAX);
        cpu.running = NULL;
    }
    assert_in_range(ran, 200, 320);
}

// Who slept takes the CPU from one that runs; one that has just run does not.
static void test_who_is_far_behind_gets_the_cpu(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[2];
    add(&cpu, &entity[0], 0);
    for (unsigned i = 0; i < 100; i++)
        tick(&cpu);
    cfs_entity_init(&entity[1], 0);
    cfs_place_woken(&cpu.queue, &entity[1]);
    assert_true(cfs_should_yield_to(&entity[0], &entity[1]));
    entity[1].vruntime = entity[0].vruntime - MS / 2;
    assert_false(cfs_should_yield_to(&entity[0], &entity[1]));
    entity[1].vruntime = entity[0].vruntime + MS;
    assert_false(cfs_should_yield_to(&entity[0], &entity[1]));
}

static void test_nice_can_be_changed(void **state) {
    (void)state;
    struct cpu cpu = {0};
    struct cfs_entity entity[2];
    uint64_t ran[2] = {0};
    add(&cpu, &entity[0], 0);
    add(&cpu, &entity[1], 0);
    cpu.running = cfs_pick(&cpu.queue, 0);
    struct cfs_entity *other = cpu.queue.first;
    cfs_dequeue(&cpu.queue, other);
    assert_null(cpu.queue.first);
    assert_int_equal(cpu.queue.weight, 0);
    cfs_set_nice(other, 5);
    cfs_enqueue(&cpu.queue, other);
    assert_int_equal(cpu.queue.weight, 335);
    for (unsigned i = 0; i < 20000; i++)
        ran[tick(&cpu) - entity]++;
    // 335 of 1359.
    assert_in_range(ran[other - entity], 4930 * 95 / 100, 4930 * 105 / 100);
    assert_in_range(other->ran, 4930 * MS * 95 / 100, 4930 * MS * 105 / 100);
}

// Nobody's time may be compared with itself modulo 2^64.
static void test_virtual_time_may_wrap(void **state) {
    (void)state;
    struct cpu cpu = {.queue = {.min_vruntime = UINT64_MAX - 50 * MS}};
    struct cfs_entity entity[2];
    uint64_t ran[2] = {0};
    add(&cpu, &entity[0], 0);
    add(&cpu, &entity[1], 0);
    for (unsigned i = 0; i < 1000; i++)
        ran[tick(&cpu) - entity]++;
    assert_in_range(ran[0], 490, 510);
    assert_true(cpu.queue.min_vruntime < SECONDS);
}

static void test_an_empty_queue_picks_nobody(void **state) {
    (void)state;
    struct cpu cpu = {0};
    assert_null(tick(&cpu));
    assert_int_equal(cpu.queue.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_share_equally),
        cmocka_unit_test(test_shares_follow_the_weights),
        cmocka_unit_test(test_the_extremes_both_run),
        cmocka_unit_test(test_a_sleeper_has_no_savings),
        cmocka_unit_test(test_a_new_one_waits_for_its_turn),
        cmocka_unit_test(test_making_children_gains_no_time),
        cmocka_unit_test(test_who_is_far_behind_gets_the_cpu),
        cmocka_unit_test(test_nice_can_be_changed),
        cmocka_unit_test(test_virtual_time_may_wrap),
        cmocka_unit_test(test_an_empty_queue_picks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
