#include "guest/programs/futexes.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"

// <linux/futex.h> belongs to the kernel's headers, which a C library does not have.
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_PRIVATE 128

#define SLEEP (3 * MEASURE_MILLISECOND)
#define PATIENCE MEASURE_SECOND

static int word, other_word;

static long futex(int *at, int operation, int value, const struct timespec *timeout, int *to) {
    const long result = syscall(SYS_futex, at, operation, value, timeout, to, 0);
    return result < 0 ? -errno : result;
}

static void *wait_once(void *argument) {
    const int operation = FUTEX_WAIT | (int)(intptr_t)argument;
    return (void *)(intptr_t)futex(&word, operation, 0, NULL, NULL);
}

// Tries until somebody was woken: a thread needs a while before it waits.
static long wake_one(int *at, int flags) {
    const uint64_t end = measure_now() + PATIENCE;
    long woken;
    while ((woken = futex(at, FUTEX_WAKE | flags, 1, NULL, NULL)) == 0 && measure_now() < end)
        sched_yield();
    return woken;
}

static const char *wake_sleeper(int flags) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, wait_once, (void *)(intptr_t)flags) != 0)
        return "no thread";
    if (wake_one(&word, flags) != 1)
        return "a sleeper is not woken";
    pthread_join(thread, &result);
    return result == NULL ? NULL : "a woken one gets an error";
}

// A sleeper that is moved to another word is woken there, and no more where it was.
static const char *requeue_sleeper(void) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, wait_once, (void *)(intptr_t)FUTEX_PRIVATE) != 0)
        return "no thread";
    // The number of those that may be moved is in the timeout's place.
    const struct timespec *one = (const struct timespec *)1;
    const uint64_t end = measure_now() + PATIENCE;
    long moved;
    while ((moved = futex(&word, FUTEX_REQUEUE | FUTEX_PRIVATE, 0, one, &other_word)) == 0 &&
           measure_now() < end)
        sched_yield();
    if (moved != 1)
        return "a sleeper is not moved";
    if (futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL) != 0)
        return "a moved one is where it was";
    if (wake_one(&other_word, FUTEX_PRIVATE) != 1)
        return "a moved one is not woken";
    pthread_join(thread, &result);
    return result == NULL ? NULL : "a moved one gets an error";
}

static const char *time_out(int flags) {
    const struct timespec time = {.tv_nsec = (long)SLEEP};
    const uint64_t began = measure_now();
    if (futex(&word, FUTEX_WAIT | flags, 0, &time, NULL) != -ETIMEDOUT)
        return "no time-out";
    return measure_now() - began >= SLEEP ? NULL : "a time-out too early";
}

const char *futexes_try(void) {
    if (futex(&word, FUTEX_WAIT, 1, NULL, NULL) != -EAGAIN)
        return "waits for a value that has changed";
    if (futex(&word, FUTEX_WAKE, 1, NULL, NULL) != 0)
        return "wakes nobody, and says more";
    const char *fault = time_out(0);
    if (fault == NULL)
        fault = time_out(FUTEX_PRIVATE);
    if (fault == NULL)
        fault = wake_sleeper(0);
    if (fault == NULL)
        fault = wake_sleeper(FUTEX_PRIVATE);
    return fault != NULL ? fault : requeue_sleeper();
}
