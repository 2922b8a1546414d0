// System calls about time, and about waiting for something to change.
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "guest/clock.h"
#include "guest/gkernel/futex.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/syscall.h"
#include "guest/gkernel/timer.h"
#include "guest/gkernel/user_memory.h"
#include "guest/gkernel/wait.h"

#define NANOSECONDS UINT64_C(1000000000)

// False when it is no time.
static bool nanoseconds_of(const struct timespec *time, uint64_t *nanoseconds) {
    if (time->tv_sec < 0 || time->tv_nsec < 0 || (uint64_t)time->tv_nsec >= NANOSECONDS)
        return false;
    const uint64_t seconds = (uint64_t)time->tv_sec;
    const uint64_t most = UINT64_MAX / NANOSECONDS - 1;
    *nanoseconds = (seconds < most ? seconds : most) * NANOSECONDS + (uint64_t)time->tv_nsec;
    return true;
}

static uint64_t later(uint64_t from, uint64_t nanoseconds) {
    return nanoseconds < WAIT_FOREVER - from ? from + nanoseconds : WAIT_FOREVER;
}

int64_t sys_nanosleep(const uint64_t argument[]) {
    struct timespec wanted;
    uint64_t nanoseconds;
    if (!user_read(process_current()->space, &wanted, argument[0], sizeof(wanted)))
        return -EFAULT;
    if (!nanoseconds_of(&wanted, &nanoseconds))
        return -EINVAL;
    // Only death ends it early, and nobody is left then to be told how much was left.
    return wait_in(NULL, later(timer_now(), nanoseconds)) == WAIT_KILLED ? -EINTR : 0;
}

int64_t sys_clock_gettime(const uint64_t argument[]) {
    const struct process *process = process_current();
    uint64_t nanoseconds;
    switch ((int)argument[0]) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        nanoseconds = clock_time_of_day();
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        nanoseconds = timer_now();
        break;
    case CLOCK_PROCESS_CPUTIME_ID:
        nanoseconds = process_usage(process).time;
        break;
    case CLOCK_THREAD_CPUTIME_ID:
        nanoseconds = sched_time(sched_current());
        break;
    default:
        return -EINVAL;
    }
    const struct timespec now = {
        .tv_sec = (time_t)(nanoseconds / NANOSECONDS),
        .tv_nsec = (long)(nanoseconds % NANOSECONDS),
    };
    return user_write(process->space, argument[1], &now, sizeof(now)) ? 0 : -EFAULT;
}

int64_t sys_sched_yield(const uint64_t argument[]) {
    (void)argument;
    sched_yield_cpu();
    return 0;
}

// futex(2)'s operations, as Linux's <linux/futex.h> numbers them.
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_OPERATION 0x7f
#define FUTEX_PRIVATE 0x80 // changes nothing: whether memory is shared is known

static int64_t wait(struct space *space, const uint64_t argument[]) {
    uint64_t until = WAIT_FOREVER;
    if (argument[3] != 0) {
        struct timespec timeout;
        uint64_t nanoseconds;
        if (!user_read(space, &timeout, argument[3], sizeof(timeout)))
            return -EFAULT;
        if (!nanoseconds_of(&timeout, &nanoseconds))
            return -EINVAL;
        until = later(timer_now(), nanoseconds);
    }
    return futex_wait(space, argument[0], (uint32_t)argument[2], until);
}

// How many to wake. As with Linux it is an int, and who asks for none or less gets one.
static unsigned count_of(uint64_t argument) {
    return (int)argument > 0 ? (unsigned)(int)argument : 1;
}

// FUTEX_REQUEUE and FUTEX_CMP_REQUEUE: how many to wake and to move are ints of which neither may
// be negative.
static int64_t requeue(struct space *space, const uint64_t argument[]) {
    const uint64_t address = argument[0], other = argument[4];
    const int wake = (int)argument[2], move = (int)argument[3];
    if (wake < 0 || move < 0 || other % sizeof(uint32_t) != 0)
        return -EINVAL;
    if (other >= SPACE_END)
        return -EFAULT;
    return futex_requeue(space, address, (unsigned)wake, (unsigned)move, other);
}

int64_t sys_futex(const uint64_t argument[]) {
    struct space *space = process_current()->space;
    const uint64_t address = argument[0];
    const unsigned operation = (unsigned)argument[1];
    if (operation & ~(FUTEX_OPERATION | FUTEX_PRIVATE))
        return -ENOSYS;
    if (address % sizeof(uint32_t) != 0)
        return -EINVAL;
    if (address >= SPACE_END)
        return -EFAULT;
    uint32_t word;
    switch (operation & FUTEX_OPERATION) {
    case FUTEX_WAIT:
        return wait(space, argument);
    case FUTEX_WAKE:
        return futex_wake(space, address, count_of(argument[2]));
    case FUTEX_CMP_REQUEUE:
        if (!user_read(space, &word, address, sizeof(word)))
            return -EFAULT;
        if (word != (uint32_t)argument[5])
            return -EAGAIN;
        return requeue(space, argument);
    case FUTEX_REQUEUE:
        return requeue(space, argument);
    default:
        return -ENOSYS;
    }
}
