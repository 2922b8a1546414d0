// One process computes; another of the same nice tries to get more than half of the CPU by tricks.
// None may bring it much more than computing would.
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/supply.h"

#define LENGTH (80 * MEASURE_MILLISECOND)
#define LEAST 42 // percent for the honest one

static void compute(uint64_t nanoseconds) {
    const uint64_t end = measure_clock(CLOCK_THREAD_CPUTIME_ID) + nanoseconds;
    while (measure_clock(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

// Ends before its turn does, as a new process each time.
static void relay(void) {
    for (;;) {
        compute(500 * MEASURE_MICROSECOND);
        if (fork() > 0)
            _exit(0);
    }
}

// The same, but stays and lets children do it.
static void brood(void) {
    for (;;) {
        if (fork() == 0) {
            compute(700 * MEASURE_MICROSECOND);
            _exit(0);
        }
        wait(NULL);
    }
}

// Sleeps for no time at all just before each tick.
static void nap(void) {
    const struct timespec short_time = {.tv_nsec = 1};
    for (;;) {
        compute(900 * MEASURE_MICROSECOND);
        syscall(SYS_nanosleep, &short_time, NULL);
    }
}

static void yield(void) {
    for (;;) {
        compute(900 * MEASURE_MICROSECOND);
        sched_yield();
    }
}

// Sleeps longer, so that it has something to catch up.
static void doze(void) {
    const struct timespec some_time = {.tv_nsec = 3000000};
    for (;;) {
        compute(5 * MEASURE_MILLISECOND);
        syscall(SYS_nanosleep, &some_time, NULL);
    }
}

// Is nobody's favourite while others could see it.
static void change_nice(void) {
    for (;;) {
        setpriority(PRIO_PROCESS, 0, 19);
        setpriority(PRIO_PROCESS, 0, 0);
        compute(300 * MEASURE_MICROSECOND);
    }
}

static void call(void) {
    for (;;)
        syscall(SYS_getpid);
}

static const struct {
    const char *name;
    void (*steal)(void);
} thieves[] = {
    {"relay", relay}, {"brood", brood},      {"nap", nap},   {"yield", yield},
    {"doze", doze},   {"nice", change_nice}, {"call", call},
};
#define THIEVES (int)(sizeof(thieves) / sizeof(thieves[0]))

// The share of the time that this process gets beside the thief, in percent.
static int share_beside(void (*steal)(void)) {
    const pid_t pid = fork();
    if (pid == 0)
        steal();
    const uint64_t began = measure_now(), before = measure_own_cpu_time();
    while (measure_now() < began + LENGTH)
        ;
    const uint64_t used = measure_own_cpu_time() - before, passed = measure_now() - began;
    supply_kill_others();
    return (int)(used * 100 / passed);
}

int main(void) {
    report_begin("thieves");
    int well = 0;
    for (int i = 0; i < THIEVES; i++) {
        const int share = share_beside(thieves[i].steal);
        if (share < LEAST)
            printf("thieves: %s leaves ~%d percent\n", thieves[i].name, share);
        well += share >= LEAST;
    }
    return report_end(well == THIEVES, "%d of %d tricks brought nothing", well, THIEVES);
}
