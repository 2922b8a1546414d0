// gkernel's waiting: for events, for the time, for words in memory; and what ends it.
//
// The scheduler is played by the test: when the running thread blocks, others run in `meanwhile`,
// until it can go on.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/clock.h"
#include "guest/gkernel/futex.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/timer.h"
#include "guest/gkernel/user_memory.h"
#include "guest/gkernel/wait.h"
#include "tests/unit/guest/gkernel_memory.h"

#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX
#define THREADS 4
#define WORD UINT64_C(0x400000)
#define OTHER (WORD + PAGE_SIZE)

// ---- the machine: a clock that stands still until somebody waits for it

static uint64_t now, deadline = NEVER;

uint64_t clock_nanoseconds(void) { return now; }
void clock_set_deadline(uint64_t nanoseconds) { deadline = nanoseconds; }
void clock_stop(void) { deadline = NEVER; }

static void sleep_until_deadline(void) {
    assert_true(deadline != NEVER);
    now = deadline > now ? deadline : now;
    timer_interrupt();
}

// ---- the scheduler

static struct thread threads[THREADS], *current = &threads[0];
static unsigned ticks;
static struct thread *woken[8];
static unsigned woken_count;
static void (*meanwhile)(void);

struct thread *sched_current(void) { return current; }
void sched_tick(void) { ticks++; }

void sched_wake(struct thread *thread) {
    assert_int_equal(thread->state, THREAD_BLOCKED);
    thread->state = THREAD_READY;
    woken[woken_count++] = thread;
}

void sched_block(void) {
    struct thread *self = current;
    assert_non_null(meanwhile);
    meanwhile();
    assert_int_equal(self->state, THREAD_READY);
    current = self;
}

static int begin(void **state) {
    meanwhile = NULL;
    woken_count = ticks = 0;
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = (struct thread){.state = THREAD_READY, .id = (int)i};
    current = &threads[0];
    timer_set_tick(false);
    return memory_make(state) != 0 ||
           memory_add(WORD, OTHER + PAGE_SIZE, MMU_READ | MMU_WRITE, SPACE_MAPPED) != 0;
}

static int end(void **state) {
    memory_end(state);
    return deadline != NEVER; // nobody sleeps any more
}

// ---- events

static struct wait_queue queue;

static void wake_one(void) { assert_int_equal(wait_wake(&queue, 1), 1); }

static void test_an_event_ends_the_waiting(void **state) {
    (void)state;
    meanwhile = wake_one;
    assert_int_equal(wait_in(&queue, WAIT_FOREVER), WAIT_WOKEN);
    assert_null(queue.first);
    assert_int_equal(deadline, NEVER);
    assert_int_equal(wait_wake(&queue, 1), 0);
}

static void test_the_time_ends_it_too(void **state) {
    (void)state;
    const uint64_t began = now;
    meanwhile = sleep_until_deadline;
    assert_int_equal(wait_in(&queue, now + 5 * MS), WAIT_TIMED_OUT);
    assert_int_equal(now, began + 5 * MS);
    assert_null(queue.first);
    assert_int_equal(wait_in(NULL, now), WAIT_TIMED_OUT);
    assert_int_equal(woken_count, 1);
}

static void kill_first(void) {
    threads[0].killed = true;
    wait_finish(&threads[0], WAIT_KILLED);
}

static void test_who_is_killed_waits_for_nothing(void **state) {
    (void)state;
    meanwhile = kill_first;
    assert_int_equal(wait_in(&queue, now + 5 * MS), WAIT_KILLED);
    assert_null(queue.first);
    assert_int_equal(deadline, NEVER);
    // Nor ever again.
    meanwhile = NULL;
    assert_int_equal(wait_in(&queue, WAIT_FOREVER), WAIT_KILLED);
    wait_finish(&threads[0], WAIT_WOKEN);
    assert_int_equal(woken_count, 1);
}

// The others wait one behind the other, each in the time of the one before.
static void (*last_step)(void);
static enum wait_end ends[THREADS];
static uint64_t until[THREADS];

static void next_waits(void) {
    const unsigned i = (unsigned)(current - threads) + 1;
    if (i == THREADS) {
        last_step();
        return;
    }
    current = &threads[i];
    ends[i] = wait_in(&queue, until[i]);
}

static void all_wait(void (*step)(void)) {
    last_step = step;
    meanwhile = next_waits;
    ends[0] = wait_in(&queue, until[0]);
}

static void wake_two_and_the_rest(void) {
    assert_int_equal(wait_wake(&queue, 2), 2);
    assert_ptr_equal(woken[0], &threads[0]);
    assert_ptr_equal(woken[1], &threads[1]);
    // One in the middle is taken out; those around it stay.
    wait_finish(&threads[2], WAIT_KILLED);
    assert_int_equal(wait_wake(&queue, 9), 1);
    assert_ptr_equal(woken[3], &threads[3]);
}

static void test_who_waits_first_is_woken_first(void **state) {
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        until[i] = WAIT_FOREVER;
    all_wait(wake_two_and_the_rest);
    assert_int_equal(ends[1], WAIT_WOKEN);
    assert_int_equal(ends[2], WAIT_KILLED);
    assert_int_equal(ends[3], WAIT_WOKEN);
}

// ---- the time

static void sleep_for_all(void) {
    const uint64_t began = now;
    timer_set_tick(true);
    while (woken_count < THREADS)
        sleep_until_deadline();
    timer_set_tick(false);
    assert_int_equal(now - began, 3 * MS + 7);
    assert_int_equal(ticks, 3);
}

static void test_sleepers_wake_in_the_order_of_time(void **state) {
    (void)state;
    static const unsigned order[THREADS] = {2, 0, 3, 1};
    const uint64_t times[THREADS] = {2 * MS, 3 * MS + 7, 5, 2 * MS};
    for (unsigned i = 0; i < THREADS; i++)
        until[i] = now + times[i];
    all_wait(sleep_for_all);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(ends[i], WAIT_TIMED_OUT);
        assert_ptr_equal(woken[i], &threads[order[i]]);
    }
}

// What came while nobody looked is one tick.
static void test_missed_ticks_are_one(void **state) {
    (void)state;
    timer_set_tick(true);
    now += 50 * MS;
    timer_interrupt();
    assert_int_equal(ticks, 1);
    assert_int_equal(deadline, now + MS);
    timer_interrupt();
    assert_int_equal(ticks, 1);
    timer_set_tick(false);
}

// ---- words

static void store(uint64_t address, uint32_t value) {
    assert_true(user_write(space, address, &value, sizeof(value)));
}

static void wake_word(void) {
    assert_int_equal(futex_wake(space, WORD + 4, 9), 0);
    assert_int_equal(futex_wake(space, WORD, 9), 1);
}

static void test_a_word_is_waited_for(void **state) {
    (void)state;
    store(WORD, 5);
    meanwhile = wake_word;
    assert_int_equal(futex_wait(space, WORD, 5, WAIT_FOREVER), 0);
    meanwhile = sleep_until_deadline;
    assert_int_equal(futex_wait(space, WORD, 5, now + MS), -ETIMEDOUT);
    meanwhile = kill_first;
    assert_int_equal(futex_wait(space, WORD, 5, WAIT_FOREVER), -EINTR);
    meanwhile = NULL;
    assert_int_equal(futex_wait(space, WORD, 4, WAIT_FOREVER), -EAGAIN);
    assert_int_equal(futex_wait(space, WORD + 2, 5, WAIT_FOREVER), -EINVAL);
    assert_int_equal(futex_wait(space, WORD - 4, 5, WAIT_FOREVER), -EFAULT);
    assert_int_equal(futex_wake(space, WORD, 9), 0);
}

static void move_all(void) {
    assert_int_equal(futex_requeue(space, WORD, 1, 2, OTHER), 3);
    assert_ptr_equal(woken[0], &threads[0]);
    assert_int_equal(futex_wake(space, WORD, 9), 1);
    assert_ptr_equal(woken[1], &threads[3]);
    assert_int_equal(futex_wake(space, OTHER, 9), 2);
    assert_ptr_equal(woken[2], &threads[1]);
    assert_ptr_equal(woken[3], &threads[2]);
}

static void next_waits_for_word(void) {
    const unsigned i = (unsigned)(current - threads) + 1;
    if (i == THREADS) {
        move_all();
        return;
    }
    current = &threads[i];
    assert_int_equal(futex_wait(space, WORD, 0, WAIT_FOREVER), 0);
}

static void test_some_are_moved_to_another_word(void **state) {
    (void)state;
    meanwhile = next_waits_for_word;
    assert_int_equal(futex_wait(space, WORD, 0, WAIT_FOREVER), 0);
    assert_int_equal(woken_count, THREADS);
}

static void wake_in_child(void) {
    struct space *child = space_fork(space);
    assert_non_null(child);
    // The private word is another one there; the shared one is the same.
    assert_int_equal(futex_wake(child, WORD, 9), 0);
    const bool shared = current->futex.space == NULL;
    assert_int_equal(futex_wake(child, OTHER + PAGE_SIZE, 9), shared ? 1 : 0);
    space_release(child);
    if (!shared)
        assert_int_equal(futex_wake(space, WORD, 9), 1);
}

static void test_shared_words_are_one_for_all(void **state) {
    (void)state;
    struct space_region region =
        memory_region(OTHER + PAGE_SIZE, OTHER + 2 * PAGE_SIZE, MMU_READ | MMU_WRITE, SPACE_MAPPED);
    region.shared = true;
    assert_int_equal(region_add(space, &region), 0);
    meanwhile = wake_in_child;
    assert_int_equal(futex_wait(space, WORD, 0, WAIT_FOREVER), 0);
    assert_int_equal(futex_wait(space, OTHER + PAGE_SIZE, 0, WAIT_FOREVER), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_event_ends_the_waiting, begin, end),
        cmocka_unit_test_setup_teardown(test_the_time_ends_it_too, begin, end),
        cmocka_unit_test_setup_teardown(test_who_is_killed_waits_for_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_who_waits_first_is_woken_first, begin, end),
        cmocka_unit_test_setup_teardown(test_sleepers_wake_in_the_order_of_time, begin, end),
        cmocka_unit_test_setup_teardown(test_missed_ticks_are_one, begin, end),
        cmocka_unit_test_setup_teardown(test_a_word_is_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(test_some_are_moved_to_another_word, begin, end),
        cmocka_unit_test_setup_teardown(test_shared_words_are_one_for_all, begin, end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
