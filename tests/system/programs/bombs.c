// Whoever wants more than there is gets errors, or is killed; the others go on, and all of it comes
// back.
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/raw.h"
#include "tests/system/programs/supply.h"

#define PAGE 4096ul
#define LIFE (20 * MEASURE_MILLISECOND)

static _Noreturn void rest(void) {
    for (;;)
        measure_sleep_until(UINT64_MAX);
}

// Every process forks as long as it can.
static void forks(void) {
    for (;;) {
        if (fork() < 0)
            rest();
    }
}

// Children that end at once, and that nobody waits for.
static void zombies(void) {
    for (;;) {
        const pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0)
            rest();
    }
}

// As many threads as there can be, which do not end by themselves.
static void thread_spins(void) {
    for (;;)
        __asm__ volatile("");
}

static char thread_stacks[300][64] __attribute__((aligned(16)));

static void threads(void) {
    for (int i = 0; i < 300; i++)
        raw_thread(thread_stacks[i] + sizeof(thread_stacks[i]), thread_spins);
    rest();
}

// Processes that each want all memory, and fork meanwhile.
static void memory(void) {
    for (int i = 0; i < 6; i++)
        fork();
    for (;;) {
        char *page =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            rest();
        for (int i = 0; i < 16; i++)
            page[(size_t)i * PAGE] = 1;
    }
}

// Memory that all of it is needed for at once.
static void shared(void) {
    for (size_t size = (size_t)256 << 20; size >= PAGE; size /= 2) {
        while (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED)
            ;
    }
    fork();
    rest();
}

// Page tables alone: a page in each table's reach.
static void tables(void) {
    for (uintptr_t at = 0x400000; at < 0x3fe00000; at += 0x200000) {
        char *page = mmap((void *)at, PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (page != MAP_FAILED)
            *page = 1;
    }
    for (;;) {
        if (fork() < 0)
            rest();
    }
}

// Stacks that grow in every process.
static int deep(int depth) {
    volatile char here[PAGE];
    here[0] = (char)depth;
    return depth == 0 ? here[0] : deep(depth - 1) + here[0];
}

static void stacks(void) {
    for (int i = 0; i < 5; i++)
        fork();
    deep(200);
    rest();
}

// Memory is short, and programs are started in it.
static void programs(void) {
    for (int i = 0; i < 4; i++)
        fork();
    char *const words[] = {"bombs", "again", NULL};
    for (;;) {
        if (fork() == 0) {
            execv("bombs", words);
            _exit(1);
        }
        char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED)
            *page = 1;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static const struct {
    const char *name;
    void (*go_off)(void);
} bombs[] = {
    {"threads", threads}, {"forks", forks},   {"zombies", zombies}, {"memory", memory},
    {"shared", shared},   {"tables", tables}, {"stacks", stacks},   {"programs", programs},
};
#define BOMBS (sizeof(bombs) / sizeof(bombs[0]))

static bool set_off(size_t index) {
    const pid_t pid = fork();
    if (pid == 0) {
        bombs[index].go_off();
        _exit(1);
    }
    if (pid < 0)
        return false;
    measure_sleep_until(measure_now() + LIFE);
    return supply_kill_others() >= 0;
}

int main(int count, char *words[]) {
    if (count > 1 && strcmp(words[1], "again") == 0)
        rest();
    report_begin("bombs");
    setpriority(0, 0, -20);
    supply_warm_up();
    // What a bomb takes of this process's own memory is touched before it is counted.
    measure_sleep_until(measure_now() + LIFE);
    supply_kill_others();
    supply_pages();
    const long before = supply_pages();
    int well = 0;
    for (size_t i = 0; i < BOMBS; i++) {
        const bool gone = set_off(i);
        const long after = supply_pages();
        const bool ok = gone && after == before;
        if (!ok)
            printf("bombs: %s: %ld pages before it, %ld behind\n", bombs[i].name, before, after);
        well += ok;
    }
    return report_end(well == BOMBS && before > 0, "%d of %d went off, and everything came back",
                      well, (int)BOMBS);
}
