// What nobody asks for on purpose, answered as Linux answers it.
#include "tests/system/programs/awkward.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/raw.h"

#define PAGE 4096ul
#define MILLISECOND MEASURE_MILLISECOND

bool awkward_fails(long result, int error) { return result == -1 && errno == error; }

// How a process ended that did this.
static int status_of(void (*function)(void)) {
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0) {
        function();
        _exit(0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool exits_with(void (*function)(void), int code) {
    const int status = status_of(function);
    if (status != code << 8)
        printf("awkward: status %#x\n", status);
    return status == code << 8;
}

bool awkward_dies_of(void (*function)(void), int signal) {
    const int status = status_of(function);
    if (status != signal)
        printf("awkward: status %#x\n", status);
    return status == signal;
}

static void rest(void) {
    for (;;)
        measure_sleep_until(measure_now() + 1000 * MILLISECOND);
}

static bool writes_of_nothing(void) {
    const struct iovec negative = {.iov_base = "x", .iov_len = (size_t)-1};
    return awkward_fails(write(99, NULL, 0), EBADF) && awkward_fails(writev(99, NULL, 0), EBADF) &&
           writev(1, NULL, 0) == 0 && write(1, NULL, 0) == 0 &&
           awkward_fails(writev(1, &negative, 1), EINVAL) &&
           awkward_fails(writev(1, &negative, -1), EINVAL) &&
           awkward_fails(read(99, NULL, 1), EBADF) && awkward_fails(write(-1, "x", 1), EBADF);
}

// The last thread's status is the process's (on Linux since 5.19), unless somebody ends them all.
static char stack[PAGE] __attribute__((aligned(16)));
static void end_later(void) {
    const struct timespec some = {.tv_nsec = (long)(2 * MILLISECOND)};
    syscall(SYS_nanosleep, &some, NULL);
    syscall(SYS_exit, 7);
}

static void first_ends_first(void) {
    raw_thread(stack + sizeof(stack), end_later);
    syscall(SYS_exit, 5);
}

static bool last_threads_status(void) { return exits_with(first_ends_first, 7); }

// Whoever executes a program is its first thread then.
static void execute(void) {
    static char *const words[] = {"awkward", "identity", NULL};
    execv("/proc/self/exe", words);
    execv("awkward", words);
    syscall(SYS_exit_group, 9);
}

static void execute_in_thread(void) {
    raw_thread(stack + sizeof(stack), execute);
    rest();
}

static bool thread_executes(void) { return exits_with(execute_in_thread, 0); }

static bool odd_clones(void) {
    const long odd[] = {CLONE_THREAD, CLONE_SIGHAND, CLONE_THREAD | CLONE_SIGHAND,
                        CLONE_VM | CLONE_THREAD};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (!awkward_fails(syscall(SYS_clone, odd[i], 0, 0, 0, 0), EINVAL))
            return false;
    }
    return true;
}

static bool kills_of_nobody(void) {
    return awkward_fails(kill(1 << 22, SIGKILL), ESRCH) &&
           awkward_fails(kill(getpid(), 65), EINVAL) && awkward_fails(kill(getpid(), -1), EINVAL) &&
           kill(getpid(), 0) == 0;
}

static bool zombie_is_there(void) {
    const pid_t pid = fork();
    if (pid == 0)
        _exit(3);
    measure_sleep_until(measure_now() + 5 * MILLISECOND);
    int status = 0;
    return kill(pid, 0) == 0 && kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid &&
           status == 3 << 8 && awkward_fails(kill(pid, 0), ESRCH) &&
           awkward_fails(waitpid(pid, &status, 0), ECHILD);
}

static void spin(void) {
    for (;;)
        __asm__ volatile("");
}
static void wait_for_word(void) {
    static int word;
    syscall(SYS_futex, &word, 0, 0, NULL);
}
static void wait_for_child(void) {
    if (fork() == 0)
        rest();
    wait(NULL);
}
static void kill_self(void) { kill(getpid(), SIGKILL); }
static void threads_and_all(void) {
    raw_thread(stack + sizeof(stack), spin);
    rest();
}

static bool killed_in_every_state(void) {
    void (*const states[])(void) = {rest, spin, wait_for_word, wait_for_child, threads_and_all};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        for (int delay = 0; delay < 3; delay++) {
            const pid_t pid = fork();
            if (pid == 0)
                states[i]();
            if (delay > 0)
                measure_sleep_until(measure_now() + (uint64_t)delay * MILLISECOND);
            int status = 0;
            if (kill(pid, SIGKILL) != 0 || waitpid(pid, &status, 0) != pid || status != SIGKILL)
                return false;
        }
    }
    return awkward_dies_of(kill_self, SIGKILL);
}

static bool stat_of_the_dead(void) {
    char path[32], text[64];
    const pid_t pid = fork();
    if (pid == 0)
        rest();
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    const int file = open(path, O_RDONLY);
    bool ok = file >= 0 && read(file, text, 4) == 4;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ok = ok && awkward_fails(read(file, text, sizeof(text)), ESRCH) && close(file) == 0;
    return ok && awkward_fails(open(path, O_RDONLY), ENOENT) && awkward_fails(close(file), EBADF) &&
           awkward_fails(open("/proc/0/stat", O_RDONLY), ENOENT) &&
           awkward_fails(open("/proc/9999999999999999999/stat", O_RDONLY), ENOENT);
}

static void no_files(void) {
    for (int i = 0; i < 3; i++)
        close(i);
    char c;
    _exit(awkward_fails(write(1, "x", 1), EBADF) && awkward_fails(read(0, &c, 1), EBADF) &&
                  open("/proc/1/stat", O_WRONLY) < 0
              ? 4
              : 1);
}

static bool no_descriptors(void) { return exits_with(no_files, 4); }

static bool long_sleeps(void) {
    const struct timespec odd[] = {{.tv_nsec = 1000000000}, {.tv_nsec = -1}, {.tv_sec = -1}};
    for (size_t i = 0; i < 3; i++) {
        if (!awkward_fails(syscall(SYS_nanosleep, &odd[i], NULL), EINVAL))
            return false;
    }
    return awkward_fails(syscall(SYS_nanosleep, NULL, NULL), EFAULT);
}

static void sleep_for_years(void) {
    const struct timespec years = {.tv_sec = INT64_MAX, .tv_nsec = 999999999};
    syscall(SYS_nanosleep, &years, NULL);
}

static bool sleeps_for_years(void) {
    const pid_t pid = fork();
    if (pid == 0)
        sleep_for_years();
    measure_sleep_until(measure_now() + 20 * MILLISECOND);
    int status = 0;
    const bool sleeps = waitpid(pid, &status, WNOHANG) == 0;
    kill(pid, SIGKILL);
    return sleeps && waitpid(pid, &status, 0) == pid;
}

static bool odd_waits(void) {
    int status;
    return awkward_fails(waitpid(getpid(), &status, 0), ECHILD) &&
           awkward_fails(waitpid(-1, &status, 0), ECHILD) &&
           awkward_fails(syscall(SYS_wait4, -1, &status, 0x1000000, NULL), EINVAL);
}

static void *wait_here(void *pid) {
    int status = -1;
    waitpid(*(pid_t *)pid, &status, 0);
    return (void *)(uintptr_t)status;
}

static bool another_thread_waits(void) {
    pid_t pid = fork();
    if (pid == 0) {
        measure_sleep_until(measure_now() + 2 * MILLISECOND);
        _exit(6);
    }
    pthread_t thread;
    void *status = NULL;
    return pthread_create(&thread, NULL, wait_here, &pid) == 0 &&
           pthread_join(thread, &status) == 0 && (uintptr_t)status == 6 << 8;
}

static bool odd_words(void) {
    static int word;
    const struct timespec odd = {.tv_nsec = -1};
    return awkward_fails(syscall(SYS_futex, (char *)&word + 1, 0, 0, NULL), EINVAL) &&
           awkward_fails(syscall(SYS_futex, &word, 0, 1, NULL), EAGAIN) &&
           awkward_fails(syscall(SYS_futex, 8, 0, 0, NULL), EFAULT) &&
           awkward_fails(syscall(SYS_futex, &word, 0, 0, &odd), EINVAL) &&
           awkward_fails(syscall(SYS_futex, &word, 99, 0, NULL), ENOSYS) &&
           syscall(SYS_futex, &word, 1, 1) == 0;
}

static bool odd_arguments(void) {
    char *const words[] = {"awkward", NULL};
    return awkward_fails(execve("", words, NULL), ENOENT) &&
           awkward_fails(execve((char *)8, words, NULL), EFAULT) &&
           awkward_fails(execve("awkward", (char **)8, NULL), EFAULT);
}

static const struct {
    const char *name;
    bool (*holds)(void);
} cases[] = {
    {"writes of nothing", writes_of_nothing},
    {"the last thread's status", last_threads_status},
    {"a thread executes a program", thread_executes},
    {"odd clones", odd_clones},
    {"kills of nobody", kills_of_nobody},
    {"a zombie is there", zombie_is_there},
    {"killed in every state", killed_in_every_state},
    {"own memory dropped", awkward_own_memory_dropped},
    {"heap games", awkward_heap_games},
    {"stat of the dead", stat_of_the_dead},
    {"no descriptors", no_descriptors},
    {"odd sleeps", long_sleeps},
    {"a sleep for years", sleeps_for_years},
    {"odd maps", awkward_odd_maps},
    {"odd waits", odd_waits},
    {"another thread waits", another_thread_waits},
    {"odd words", odd_words},
    {"odd arguments", odd_arguments},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

int main(int count, char *words[]) {
    if (count > 1 && strcmp(words[1], "identity") == 0)
        return syscall(SYS_gettid) == getpid() && setpriority(PRIO_PROCESS, (id_t)getpid(), 1) == 0
                   ? 0
                   : 1;
    report_begin("awkward");
    unsigned well = 0;
    for (size_t i = 0; i < CASES; i++) {
        const bool holds = cases[i].holds();
        if (!holds)
            printf("awkward: %s: NOT as on Linux, errno %d\n", cases[i].name, errno);
        well += holds;
    }
    return report_end(well == CASES, "%u of %d kinds as on Linux", well, (int)CASES);
}
