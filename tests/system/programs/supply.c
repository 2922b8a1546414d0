#include "tests/system/programs/supply.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "tests/system/programs/raw.h"

#define PAGE 4096ul
#define PID_MAX 1024
#define MOST ((size_t)512 << 20) // more than there is

static _Noreturn void take_all(volatile long *pages) {
    char *memory = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(1);
    for (long page = 0; page < (long)(MOST / PAGE); page++) {
        *(volatile char *)(memory + page * PAGE) = 1;
        *pages = page + 1;
    }
    _exit(0);
}

long supply_pages(void) {
    long *pages = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -1;
    const pid_t pid = fork();
    if (pid == 0)
        take_all(pages);
    int status = 0;
    const bool killed = pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
                        WTERMSIG(status) == SIGKILL;
    const long found = killed ? *pages : -1;
    munmap(pages, PAGE);
    return found;
}

static int kill_all(void) {
    int found = 0;
    for (pid_t pid = 1; pid < PID_MAX; pid++) {
        if (pid != getpid() && kill(pid, SIGKILL) == 0)
            found++;
    }
    return found;
}

#define THREADS 300 // more than there can be
static char stacks[THREADS][256] __attribute__((aligned(16)));
static const struct timespec forever = {.tv_sec = INT64_MAX};

static void rest(void) {
    for (;;)
        syscall(SYS_nanosleep, &forever, NULL);
}

void supply_warm_up(void) {
    const pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < THREADS; i++)
            raw_thread(stacks[i] + sizeof(stacks[i]), rest);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

int supply_kill_others(void) {
    const int first = kill_all();
    const uint64_t last = measure_now() + MEASURE_SECOND;
    int left = first;
    while (left > 0 && measure_now() < last) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        measure_sleep_until(measure_now() + MEASURE_MILLISECOND);
        left = kill_all();
    }
    return left == 0 ? first : -1;
}
