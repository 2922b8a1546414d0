// System calls by chance: numbers and arguments from lists of what is awkward, from several
// processes side by side. Most of them die of it. At the end all memory must be there again.
//
// Arguments: a seed, and how many processes make calls.
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
#include "tests/system/programs/supply.h"

#define CALLS 400      // of one process, if it lives for so long
#define SIDE_BY_SIDE 4 // processes
#define LIFE (30 * MEASURE_MILLISECOND)
#define PAGE 4096ul

static pid_t supervisor;
static unsigned *calls_made; // shared by all
static uint64_t words[1024] __attribute__((aligned(PAGE)));

static uint64_t one_of(const uint64_t *list, size_t count) { return list[chance() % count]; }
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

static const uint64_t numbers[] = {
    SYS_brk,         SYS_clock_gettime, SYS_clone,      SYS_clone,       SYS_close,
    SYS_execve,      SYS_exit,          SYS_exit_group, SYS_futex,       SYS_futex,
    SYS_getpid,      SYS_getrusage,     SYS_gettid,     SYS_kill,        SYS_mmap,
    SYS_mmap,        SYS_mprotect,      SYS_mprotect,   SYS_munmap,      SYS_munmap,
    SYS_nanosleep,   SYS_openat,        SYS_read,       SYS_sched_yield, SYS_set_tid_address,
    SYS_setpriority, SYS_wait4,         SYS_write,      SYS_writev,
};

static const uint64_t edges[] = {
    0,
    1,
    2,
    3,
    7,
    8,
    4095,
    4096,
    4097,
    INT32_MAX,
    UINT32_MAX,
    UINT64_C(1) << 31,
    UINT64_C(1) << 32,
    INT64_MAX,
    UINT64_MAX,
    UINT64_MAX - 7,
    UINT64_MAX - 4095,
    0x1000,
    0x10000,
    0x3fefefff,
    0x3feff000, // the stack's guard
    0x3ff00000, // the stack
    0x3fffff00,
    0x3ffffff9,
    0x40000000, // behind it
    UINT64_C(1) << 38,
    UINT64_C(0xffffffc000000000), // the kernel
    UINT64_C(0xffffffc000200000),
    UINT64_C(0xfffffffffffff000),
};

static const uint64_t flags[] = {
    MAP_PRIVATE | MAP_ANONYMOUS,
    MAP_SHARED | MAP_ANONYMOUS,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
    PROT_READ | PROT_WRITE,
    PROT_READ | PROT_EXEC,
    PROT_WRITE | PROT_EXEC,
    SIGCHLD,
    SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID,
    CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
    CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | CLONE_CHILD_CLEARTID,
    CLONE_VM | CLONE_VFORK | SIGCHLD,
    128, // FUTEX_WAIT and FUTEX_WAKE, private
    129,
    131,
    132,
};

static uint64_t argument(void) {
    switch (chance() % 10) {
    case 0:
        return chance();
    case 1:
        return chance() % 256;
    case 2:
    case 3:
        return (uint64_t)(uintptr_t)words + chance() % sizeof(words);
    case 4:
        return ((uint64_t)(uintptr_t)words + chance() % sizeof(words)) & ~UINT64_C(7);
    case 5:
        return (chance() % 0x40000000) & ~UINT64_C(4095);
    case 6:
    case 7:
        return ONE_OF(flags);
    default:
        return ONE_OF(edges);
    }
}

// What memory holds that calls read: pointers, times, names.
static void fill_words(void) {
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        words[i] = argument();
    static const char name[] = "calls", path[] = "/proc/2/stat";
    memcpy(&words[chance() % 512], name, sizeof(name));
    memcpy(&words[512 + chance() % 500], path, sizeof(path));
}

// Calls that could be the last that a process makes.
static bool may_take_long(uint64_t number) {
    return number == SYS_write || number == SYS_writev || number == SYS_nanosleep ||
           number == SYS_futex || number == SYS_wait4 || number == SYS_exit ||
           number == SYS_exit_group || number == SYS_execve;
}

static _Noreturn void make_calls(uint64_t seed) {
    chance_begin(seed);
    if (chance() % 16 != 0) {
        for (int descriptor = 0; descriptor <= 2; descriptor++)
            close(descriptor);
    }
    fill_words();
    for (int i = 0; i < CALLS; i++) {
        uint64_t a[6];
        for (int j = 0; j < 6; j++)
            a[j] = argument();
        const uint64_t number = chance() % 32 == 0 ? argument() : ONE_OF(numbers);
        if (number == SYS_kill && (pid_t)a[0] == supervisor)
            continue;
        if (may_take_long(number) && chance() % 16 != 0)
            continue;
        __atomic_fetch_add(calls_made, 1, __ATOMIC_RELAXED);
        syscall((long)number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    _exit(0);
}

static void round_of(uint64_t seed) {
    for (uint64_t i = 0; i < SIDE_BY_SIDE; i++) {
        if (fork() == 0)
            make_calls(seed * SIDE_BY_SIDE + i);
    }
    measure_sleep_until(measure_now() + LIFE);
}

int main(int count, char *words_given[]) {
    report_begin("calls");
    supervisor = getpid();
    setpriority(0, 0, -20);
    calls_made = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (calls_made == MAP_FAILED)
        return report_end(false, "no memory to count in");
    const uint64_t seed = count > 1 ? strtoull(words_given[1], NULL, 0) : 1;
    const uint64_t rounds = count > 2 ? strtoull(words_given[2], NULL, 0) : 20;
    supply_warm_up();
    const long before = supply_pages();
    int others = 0, left_over = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        round_of(seed + i);
        const int killed = supply_kill_others();
        left_over += killed < 0;
        others += killed;
    }
    putchar('\n'); // whatever they have written
    const long lost = before - supply_pages();
    return report_end(
        left_over == 0 && before > 0 && lost == 0,
        "%lu rounds, ~%u calls, ~%d killed at the ends, left over in %d; %ld pages lost", rounds,
        *calls_made, others, left_over, lost);
}
