// gkernel's processes: how they begin, end, are waited for and are killed, with all their threads.
//
// The scheduler is played by the test: run() lets a thread do something in the kernel, which it
// leaves when it ends; when one blocks, others run in `meanwhile`, until it can go on.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/clock.h"
#include "guest/cpu.h"
#include "guest/gkernel/console.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/trap.h"
#include "tests/unit/guest/gkernel_memory.h"

// ---- the machine, of which processes ask little

uint64_t clock_nanoseconds(void) { return 1; }
void clock_set_deadline(uint64_t nanoseconds) { (void)nanoseconds; }
void clock_stop(void) {}
void cpu_interrupts_on(void) {}
void cpu_interrupts_off(void) {}
struct trap_frame *trap_user_frame(void *kernel_stack) { return kernel_stack; }
_Noreturn void trap_enter_user(struct trap_frame *frame) {
    (void)frame;
    abort();
}
void printk(const char *text, ...) { (void)text; }
void file_table_init(struct file_table *files) { *files = (struct file_table){0}; }

// What a thread does when it runs for the first time.
static void (*first_step)(void);
uintptr_t cpu_new_stack(void *stack_end, void (*entry)(void)) {
    first_step = entry;
    return (uintptr_t)stack_end;
}

// ---- the scheduler

static struct thread *current;
static jmp_buf ended;
static void (*meanwhile)(void);

struct thread *sched_current(void) { return current; }
void sched_init(struct thread *first) { current = first; }
void sched_start(struct thread *thread) { thread->state = THREAD_READY; }
void sched_wake(struct thread *thread) { thread->state = THREAD_READY; }
void sched_set_nice(struct thread *thread, int nice) { thread->nice = nice; }
uint64_t sched_time(const struct thread *thread) { return thread->cfs.ran; }
void sched_tick(void) {}

void sched_block(void) {
    struct thread *self = current;
    if (self->state == THREAD_NONE)
        longjmp(ended, 1);
    assert_non_null(meanwhile);
    meanwhile();
    assert_int_equal(self->state, THREAD_READY);
    current = self;
}

static void run(struct thread *thread, void (*function)(void)) {
    struct thread *before = current;
    jmp_buf outer;
    memcpy(&outer, &ended, sizeof(outer));
    assert_int_equal(thread->state, THREAD_READY);
    current = thread;
    if (setjmp(ended) == 0)
        function();
    current = before;
    memcpy(&ended, &outer, sizeof(outer));
}

// ---- what threads do

static void exit_with_3(void) { process_exit_thread(PROCESS_EXITED(3)); }
static void exit_with_4(void) { process_exit_thread(PROCESS_EXITED(4)); }
static void exit_all_with_5(void) { process_exit(PROCESS_EXITED(5)); }
static void leave_when_killed(void) {
    assert_true(sched_current()->killed);
    process_exit_thread(process_current()->status);
}

static struct thread *start(struct process *parent) {
    struct thread *first = NULL;
    struct space *space = space_create();
    assert_non_null(space);
    assert_non_null(process_create(parent, "child", space, &first));
    sched_start(first);
    return first;
}

static struct thread *add_thread(struct process *process) {
    struct thread *thread = thread_create(process);
    assert_non_null(thread);
    sched_start(thread);
    return thread;
}

static int status;
static struct process_usage usage;

static int wait_for(struct process *parent, int pid, bool block) {
    status = -1;
    return process_wait(parent, pid, block, &status, &usage);
}

static int boot(void **state) {
    const int wrong = memory_boot(state);
    process_init();
    return wrong;
}

// Everything was waited for, and nothing of it is left.
static int end(void **state) {
    (void)state;
    meanwhile = NULL;
    for (int pid = 1; pid < THREAD_IDS; pid++) {
        if (process_find(pid) != NULL || thread_find(pid) != NULL)
            return 1;
    }
    return 0;
}

// ---- ends and waiting

static void test_a_zombie_tells_its_status_once(void **state) {
    (void)state;
    struct thread *child = start(process_kernel());
    struct process *process = child->process;
    const int pid = process->pid;
    assert_int_equal(wait_for(process_kernel(), pid, false), 0);
    process->usage.faults = 2;
    child->cfs.ran = 70;
    child->taken_away = 9;
    run(child, exit_with_3);
    assert_ptr_equal(process_find(pid), process);
    assert_int_equal(process->state, PROCESS_ZOMBIE);
    assert_null(process->space);
    assert_null(thread_find(pid));
    assert_int_equal(process_usage(process).time, 70);

    assert_int_equal(wait_for(process_kernel(), pid + 1, false), -ECHILD);
    const uint64_t before = process_kernel()->children.time;
    assert_int_equal(wait_for(process_kernel(), pid, false), pid);
    assert_int_equal(status, 3 << 8);
    assert_int_equal(usage.time, 70);
    assert_int_equal(usage.taken_away, 9);
    assert_int_equal(usage.faults, 2);
    assert_int_equal(process_kernel()->children.time, before + 70);
    assert_int_equal(wait_for(process_kernel(), pid, true), -ECHILD);
}

static struct thread *parent, *children[3];

static void last_child_ends(void) { run(children[2], exit_with_4); }

static void parent_waits(void) {
    struct process *self = process_current();
    meanwhile = last_child_ends;
    assert_int_equal(wait_for(self, children[2]->process->pid, true), children[2]->id);
    assert_int_equal(status, 4 << 8);
    assert_int_equal(wait_for(self, -1, false), 0);
    run(children[0], exit_with_3);
    assert_int_equal(wait_for(self, -1, true), children[0]->id);
    assert_int_equal(status, 3 << 8);
}

static void kill_parent(void) { process_kill(parent->process, PROCESS_KILLED(9)); }

static void parent_is_killed_while_it_waits(void) {
    meanwhile = kill_parent;
    assert_int_equal(wait_for(process_current(), -1, true), -EINTR);
    process_exit_thread(process_current()->status);
}

static void test_parents_wait_for_theirs_alone(void **state) {
    (void)state;
    parent = start(process_kernel());
    for (unsigned i = 0; i < 3; i++)
        children[i] = start(parent->process);
    run(parent, parent_waits);
    // One is left. Its parent ends before it, and so it is the kernel's.
    run(parent, parent_is_killed_while_it_waits);
    assert_int_equal(wait_for(process_kernel(), -1, true), parent->id);
    assert_int_equal(status, 9);
    assert_ptr_equal(children[1]->process->parent, process_kernel());
    assert_int_equal(wait_for(process_kernel(), -1, false), 0);
    run(children[1], exit_with_3);
    assert_int_equal(wait_for(process_kernel(), -1, false), children[1]->id);
}

static void parent_of_a_zombie_ends(void) { run(parent, exit_with_4); }

static void test_orphaned_zombies_are_waited_for(void **state) {
    (void)state;
    parent = start(process_kernel());
    children[0] = start(parent->process);
    run(children[0], exit_with_3);
    const int pid = children[0]->id, parent_pid = parent->id;
    // The kernel waits for any of its children: both are, as soon as the parent ends.
    meanwhile = parent_of_a_zombie_ends;
    const int first = wait_for(process_kernel(), -1, true);
    const int second = wait_for(process_kernel(), -1, true);
    assert_true((first == pid && second == parent_pid) || (first == parent_pid && second == pid));
}

// ---- threads

static void test_the_last_thread_ends_the_process(void **state) {
    (void)state;
    struct thread *first = start(process_kernel());
    struct process *process = first->process;
    struct thread *second = add_thread(process);
    first->cfs.ran = 5;
    second->cfs.ran = 6;
    assert_int_equal(process_usage(process).time, 11);
    run(first, exit_with_3);
    assert_int_equal(process->state, PROCESS_ALIVE);
    assert_int_equal(process_usage(process).time, 11);
    // Its id is not another's as long as it is the process's.
    assert_ptr_equal(process_find(process->pid), process);
    run(second, exit_with_4);
    assert_int_equal(wait_for(process_kernel(), -1, false), process->pid);
    assert_int_equal(status, 4 << 8);
    assert_int_equal(usage.time, 11);
}

static void test_one_thread_ends_all(void **state) {
    (void)state;
    struct thread *first = start(process_kernel());
    struct thread *second = add_thread(first->process), *never_ran = add_thread(first->process);
    run(second, exit_all_with_5);
    assert_int_equal(first->process->state, PROCESS_ALIVE);
    // What comes too late changes nothing.
    process_kill(first->process, PROCESS_KILLED(9));
    run(never_ran, first_step);
    run(first, exit_with_3);
    assert_int_equal(wait_for(process_kernel(), -1, false), first->id);
    assert_int_equal(status, 5 << 8);
}

static void test_the_dead_can_not_be_killed(void **state) {
    (void)state;
    struct thread *child = start(process_kernel());
    run(child, exit_with_3);
    process_kill(child->process, PROCESS_KILLED(9));
    assert_int_equal(wait_for(process_kernel(), -1, false), child->id);
    assert_int_equal(status, 3 << 8);
}

static struct thread *others[2];

static void others_end(void) {
    run(others[0], leave_when_killed);
    run(others[1], leave_when_killed);
}

static void end_others(void) {
    meanwhile = others_end;
    assert_true(process_end_other_threads());
    assert_int_equal(process_current()->threads, 1);
    assert_false(sched_current()->killed);
}

static void kill_instead(void) { process_kill(process_current(), PROCESS_KILLED(9)); }

static void is_killed_meanwhile(void) {
    meanwhile = kill_instead;
    assert_false(process_end_other_threads());
    process_exit_thread(process_current()->status);
}

static void test_a_thread_can_be_left_alone(void **state) {
    (void)state;
    struct thread *first = start(process_kernel());
    others[0] = add_thread(first->process);
    others[1] = add_thread(first->process);
    run(first, end_others);
    others[0] = add_thread(first->process);
    run(first, is_killed_meanwhile);
    run(others[0], leave_when_killed);
    assert_int_equal(wait_for(process_kernel(), -1, false), first->id);
    assert_int_equal(status, 9);
}

// ---- limits

static void test_the_table_is_full_and_empty_again(void **state) {
    (void)state;
    static struct thread *all[PROCESS_MAX];
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < PROCESS_MAX; i++)
            all[i] = start(process_kernel());
        struct thread *none;
        struct space *space = space_create();
        assert_null(process_create(process_kernel(), "none", space, &none));
        space_release(space);
        for (unsigned i = 0; i < PROCESS_MAX; i++) {
            for (unsigned j = 0; j < i; j++)
                assert_int_not_equal(all[i]->process->pid, all[j]->process->pid);
        }
        for (unsigned i = 0; i < PROCESS_MAX; i++)
            run(all[i], exit_with_3);
        for (unsigned i = 0; i < PROCESS_MAX; i++)
            assert_true(wait_for(process_kernel(), -1, false) > 0);
    }
    assert_int_equal(wait_for(process_kernel(), -1, false), -ECHILD);
}

// An id comes again, but not while a zombie has it.
static void test_a_zombies_id_is_its_own(void **state) {
    (void)state;
    struct thread *zombie = start(process_kernel());
    const int pid = zombie->id;
    run(zombie, exit_with_3);
    for (int i = 0; i < THREAD_IDS + 2; i++) {
        struct thread *child = start(process_kernel());
        assert_in_range(child->id, 1, THREAD_IDS - 1);
        assert_int_not_equal(child->id, pid);
        run(child, exit_with_4);
        assert_int_equal(wait_for(process_kernel(), child->id, false), child->id);
    }
    assert_int_equal(wait_for(process_kernel(), pid, false), pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_zombie_tells_its_status_once, end),
        cmocka_unit_test_teardown(test_parents_wait_for_theirs_alone, end),
        cmocka_unit_test_teardown(test_orphaned_zombies_are_waited_for, end),
        cmocka_unit_test_teardown(test_the_last_thread_ends_the_process, end),
        cmocka_unit_test_teardown(test_one_thread_ends_all, end),
        cmocka_unit_test_teardown(test_the_dead_can_not_be_killed, end),
        cmocka_unit_test_teardown(test_a_thread_can_be_left_alone, end),
        cmocka_unit_test_teardown(test_the_table_is_full_and_empty_again, end),
        cmocka_unit_test_teardown(test_a_zombies_id_is_its_own, end),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
