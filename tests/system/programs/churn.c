// Processes and threads that begin, execute programs, wait, are killed and end in every order, by
// chance. At the end of each round all are killed; in the end all memory must be there again.
//
// Arguments: a seed, and how many rounds.
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/chance.h"
#include "tests/system/programs/raw.h"
#include "tests/system/programs/supply.h"

#define PAGE 4096ul
#define SIDE_BY_SIDE 12
#define STEPS 300 // of a process, if it lives for so long
#define NEAR 16ul
#define LIFE (60 * MEASURE_MILLISECOND) // of a round
#define STACKS 16
#define STACK_SIZE 2048

static pid_t supervisor;
static int *words;            // shared by all that come from one fork
static uint64_t threads_made; // begins anywhere
static char stacks[STACKS][STACK_SIZE] __attribute__((aligned(16)));

static void execute(uint64_t seed) {
    char word[24], parent[16];
    snprintf(word, sizeof(word), "%lu", seed);
    snprintf(parent, sizeof(parent), "%d", supervisor);
    char *const arguments[] = {"churn", "worker", word, parent, NULL};
    execv("churn", arguments);
}

static void execute_nothing_new(void) {
    static char *const arguments[] = {"churn", "nothing", NULL};
    syscall(SYS_execve, "churn", arguments, NULL);
}

// What a thread does is told apart by how many there were before: it has no chance of its own.
static void thread(void) {
    const struct timespec some = {.tv_nsec = 700000}, forever = {.tv_sec = INT64_MAX};
    switch (__atomic_fetch_add(&threads_made, 1, __ATOMIC_RELAXED) % 8) {
    case 0:
        syscall(SYS_futex, words, 0, 0, NULL);
        break;
    case 1:
        syscall(SYS_nanosleep, &some, NULL);
        syscall(SYS_exit_group, 3);
        break;
    case 2:
        execute_nothing_new();
        break;
    case 3:
        syscall(SYS_wait4, -1, NULL, 0, NULL);
        break;
    case 4:
        syscall(SYS_nanosleep, &forever, NULL);
        break;
    case 5:
        *(volatile int *)8 = 0;
        break;
    case 6:
        for (volatile int i = 0; i < 100000; i++)
            ;
        break;
    default:
        break;
    }
    for (;;)
        syscall(SYS_exit, 0);
}

static void make_thread(void) {
    char *stack = stacks[chance() % STACKS];
    raw_thread(stack + STACK_SIZE, thread);
}

static void kill_somebody(void) {
    // Most of those who are near in number live.
    const pid_t pid = getpid() + (pid_t)(chance() % (2 * NEAR)) - (pid_t)NEAR;
    if (pid != supervisor)
        kill(pid, SIGKILL);
}

static void use_words(void) {
    const struct timespec some = {.tv_nsec = (long)(chance() % 2000000)};
    int *word = words + chance() % 4;
    switch (chance() % 4) {
    case 0:
        syscall(SYS_futex, word, 0, 0, &some);
        break;
    case 1:
        syscall(SYS_futex, word, 1, 1 + chance() % 3);
        break;
    case 2:
        syscall(SYS_futex, word, 3, 1, chance() % 3, words + chance() % 4);
        break;
    default:
        syscall(SYS_futex, word, 0, 0, chance() % 8 == 0 ? NULL : &some);
    }
}

static void use_memory(void) {
    const size_t size = (1 + chance() % 20) * PAGE;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        (chance() % 4 == 0 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    for (size_t at = 0; at < size; at += PAGE * (1 + chance() % 3))
        memory[at] = 1;
    mprotect(memory + size / 2 / PAGE * PAGE, PAGE, chance() % 2 ? PROT_READ : PROT_NONE);
    if (chance() % 4 != 0)
        munmap(memory, size);
}

static void fork_once(void) {
    const uint64_t seed = chance();
    if (fork() == 0)
        chance_begin(seed);
}

static void step(void) {
    const struct timespec some = {.tv_nsec = (long)(chance() % 1500000)};
    switch (chance() % 24) {
    case 0:
        fork_once();
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        make_thread();
        break;
    case 5:
        kill_somebody();
        break;
    case 6:
    case 7:
    case 8:
        waitpid(-1, NULL, chance() % 16 == 0 ? 0 : WNOHANG);
        break;
    case 9:
    case 10:
        syscall(SYS_nanosleep, &some, NULL);
        break;
    case 11:
        if (chance() % 4 == 0)
            execute(chance());
        break;
    case 12:
        if (chance() % 8 == 0)
            syscall(chance() % 2 ? SYS_exit : SYS_exit_group, 1);
        break;
    case 13:
        setpriority(PRIO_PROCESS, (id_t)(chance() % 2 ? 0 : chance() % 1024),
                    (int)(chance() % 40) - 20);
        break;
    case 14:
    case 15:
    case 16:
        use_memory();
        break;
    case 17:
        sched_yield();
        break;
    default:
        use_words();
    }
}

static _Noreturn void work(uint64_t seed) {
    chance_begin(seed);
    threads_made = chance();
    words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED)
        _exit(1);
    for (int i = 0; i < STEPS; i++)
        step();
    _exit(0);
}

static int run_round(uint64_t seed) {
    for (uint64_t i = 0; i < SIDE_BY_SIDE; i++) {
        if (fork() == 0)
            execute(seed * SIDE_BY_SIDE + i);
    }
    measure_sleep_until(measure_now() + LIFE);
    setpriority(PRIO_PROCESS, 0, -20); // somebody may have changed it
    return supply_kill_others();
}

int main(int count, char *arguments[]) {
    if (count > 3) {
        supervisor = (pid_t)strtol(arguments[3], NULL, 10);
        work(strtoull(arguments[2], NULL, 10));
    }
    if (count == 2 && strcmp(arguments[1], "nothing") == 0)
        return 0;
    report_begin("churn");
    supervisor = getpid();
    setpriority(PRIO_PROCESS, 0, -20);
    const uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    const uint64_t rounds = count > 2 ? strtoull(arguments[2], NULL, 0) : 20;
    supply_warm_up();
    run_round(seed);
    const long before = supply_pages();
    int others = 0, left_over = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        const int killed = run_round(seed + i);
        left_over += killed < 0;
        others += killed;
    }
    const long lost = before - supply_pages();
    return report_end(left_over == 0 && before > 0 && lost == 0,
                      "%lu rounds, ~%d killed at their ends, left over in %d; %ld pages lost",
                      rounds, others, left_over, lost);
}
