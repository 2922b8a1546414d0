// Calls that are well-formed and yet seldom made: each has the answer that Linux gives.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/opaque.h"
#include "guest/programs/lib/report.h"

#define PAGE 4096ul
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define THREADS 5

// <linux/futex.h> belongs to the kernel's headers, which a C library does not have.
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4

static bool fails(long result, int error) { return result == -1 && errno == error; }

static char *map(int rights) {
    char *page = mmap(NULL, PAGE, rights, PRIVATE, -1, 0);
    return page != MAP_FAILED ? page : NULL;
}

// Nobody has typed anything, and who asks for nothing need not wait for it.
static bool nothing_is_read_at_once(void) {
    char c;
    return read(STDIN_FILENO, &c, 0) == 0;
}

// Two pages, of which the second one is gone: what lies in the first is written.
static bool half_is_written(void) {
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    static const char text[] = "half of it\n";
    char *at = pages + PAGE - (sizeof(text) - 1);
    memcpy(at, text, sizeof(text) - 1);
    const bool written =
        munmap(pages + PAGE, PAGE) == 0 && write(STDOUT_FILENO, at, 300) == sizeof(text) - 1;
    return munmap(pages, PAGE) == 0 && written;
}

// One part that can't be is found before anything is written.
static bool parts_are_looked_at_first(void) {
    const struct iovec parts[] = {{"NOT TO BE SEEN\n", 15}, {"x", SIZE_MAX}};
    const struct iovec half[] = {{"a part\n", 7}, {NULL, 3}};
    return fails(writev(STDOUT_FILENO, parts, 2), EINVAL) && writev(STDOUT_FILENO, half, 2) == 7;
}

// A page that others execute or write at the same time is refused here and allowed by Linux. But
// either way what was there is not lost by the refusal.
static bool refused_map_leaves_memory(void) {
    char *page = opaque_pointer(map(PROT_READ | PROT_WRITE));
    *page = 'p';
    const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    const bool refused = mmap(page, PAGE, all, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED;
    return *(volatile char *)page == (refused ? 'p' : 0) && munmap(page, PAGE) == 0;
}

static bool offset_is_whole_pages(void) {
    return fails(syscall(SYS_mmap, NULL, PAGE, PROT_READ, PRIVATE, -1, 5), EINVAL);
}

static bool clocks_have_other_names(void) {
    static const clockid_t same[] = {CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
                                     CLOCK_REALTIME_COARSE};
    struct timespec time;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        if (clock_gettime(same[i], &time) != 0)
            return false;
    }
    return fails(syscall(SYS_clock_gettime, 99, &time), EINVAL);
}

static bool nobody_comes_first(void) {
    return fails(kill(1 << 22, 65), ESRCH) && fails(waitpid(-1, NULL, __WALL), ECHILD);
}

static int word, other;

static long futex(int *at, int operation, int count, long move, int *to, int expected) {
    return syscall(SYS_futex, at, operation, count, move, to, expected);
}

static void *wait_for_word(void *nothing) {
    futex(&word, FUTEX_WAIT, 0, 0, NULL, 0);
    return nothing;
}

// How many are woken or moved when so many are asked for, of five that wait.
static bool odd_counts(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_for_word, NULL);
    measure_sleep_until(measure_now() + 20 * MEASURE_MILLISECOND);
    const long answers[] = {
        futex(&word, FUTEX_WAKE, 0, 0, NULL, 0),
        futex(&word, FUTEX_WAKE, -1, 0, NULL, 0),
        futex(&word, FUTEX_REQUEUE, 0, 1, &other, 0),
        futex(&word, FUTEX_CMP_REQUEUE, 0, 9, &other, 0),
        futex(&other, FUTEX_WAKE, 9, 0, NULL, 0),
    };
    static const long expected[] = {1, 1, 1, 2, 3};
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return memcmp(answers, expected, sizeof(expected)) == 0;
}

static bool odd_requeues(void) {
    return fails(futex(&word, FUTEX_REQUEUE, -1, 1, &other, 0), EINVAL) &&
           fails(futex(&word, FUTEX_REQUEUE, 1, -1, &other, 0), EINVAL) &&
           fails(futex(&word, FUTEX_REQUEUE, 1, 1, (int *)((char *)&other + 1), 0), EINVAL) &&
           fails(futex(&word, FUTEX_CMP_REQUEUE, 1, 1, &other, 5), EAGAIN) &&
           fails(futex((int *)-8L, FUTEX_WAKE, 1, 0, NULL, 0), EFAULT);
}

static const struct {
    const char *name;
    bool (*holds)(void);
} cases[] = {
    {"nothing is read at once", nothing_is_read_at_once},
    {"half is written", half_is_written},
    {"parts are looked at first", parts_are_looked_at_first},
    {"a refused map leaves memory", refused_map_leaves_memory},
    {"an offset is whole pages", offset_is_whole_pages},
    {"clocks have other names", clocks_have_other_names},
    {"nobody comes first", nobody_comes_first},
    {"odd counts", odd_counts},
    {"odd requeues", odd_requeues},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

int main(void) {
    report_begin("answers");
    unsigned well = 0;
    for (size_t i = 0; i < CASES; i++) {
        const bool holds = cases[i].holds();
        if (!holds)
            printf("answers: %s: NOT as on Linux, errno %d\n", cases[i].name, errno);
        well += holds;
    }
    return report_end(well == CASES, "%u of %zu kinds as on Linux", well, CASES);
}
