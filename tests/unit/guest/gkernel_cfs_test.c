// gkernel's scheduler gives CPU time by weight, to those who sleep too, and starves nobody.

#include <setjmp.h>
#include <stdarg.h>
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

static void add(struct cpu *cpu, struct cfs_entity *entity, int nice) {
    cfs_entity_init(entity, nice);
    cfs_place_new(&cpu->queue, entity);
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
    assert_ptr_equal(tick(&cpu), &entity[0]);
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
        cmocka_unit_test(test_virtual_time_may_wrap),
        cmocka_unit_test(test_an_empty_queue_picks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
