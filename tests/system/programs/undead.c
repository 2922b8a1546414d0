// A process ends while one of its threads has been made, but has never run: that thread must not
// come to user mode any more, where it could make another that nobody has told to end.
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/raw.h"

#define STACK_SIZE 8192
#define STATUS 7
#define TRIES 10
#define PATIENCE (50 * MEASURE_MILLISECOND)

static char stacks[2][STACK_SIZE] __attribute__((aligned(16)));

static void haunt(void) {
    for (;;)
        __asm__ volatile("");
}

static void begin(void) {
    raw_thread(stacks[1] + STACK_SIZE, haunt);
    haunt();
}

// Whether that process ends soon, and how.
static bool ends(pid_t pid, int *status) {
    const uint64_t last = measure_now() + PATIENCE;
    pid_t ended;
    while ((ended = waitpid(pid, status, WNOHANG)) == 0 && measure_now() < last)
        measure_sleep_until(measure_now() + MEASURE_MILLISECOND);
    return ended == pid;
}

// Not even a page fault comes between the thread's beginning and its first system call.
static void touch(void) {
    *(volatile char *)&stacks[0][STACK_SIZE - 1] = 0;
    (void)*(volatile const char *)(uintptr_t)begin;
    (void)*(volatile const char *)(uintptr_t)raw_thread;
}

static void child(bool executes) {
    touch();
    if (raw_thread(stacks[0] + STACK_SIZE, begin) < 0)
        _exit(1);
    if (executes) {
        char *const words[] = {"undead", "status", NULL};
        execv("undead", words);
    }
    _exit(STATUS);
}

int main(int count, char *words[]) {
    (void)words;
    if (count > 1)
        return STATUS;
    report_begin("undead");
    int well = 0;
    for (int i = 0; i < TRIES; i++) {
        const pid_t pid = fork();
        if (pid == 0)
            child(i % 2 != 0);
        int status = 0;
        const bool ended = ends(pid, &status);
        well += ended && WIFEXITED(status) && WEXITSTATUS(status) == STATUS;
        if (!ended)
            kill(pid, SIGKILL);
    }
    return report_end(well == TRIES, "%d of %d processes ended with all their threads", well,
                      TRIES);
}
