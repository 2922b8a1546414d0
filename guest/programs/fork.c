// A tree of 64 processes, numbered 0 to 63. Each forks two, until 64 are there, and waits for them;
// their numbers are added up on the way back. And memory after a fork: what one process changes,
// the other does not see.
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define PROCESSES 64
#define SUM (PROCESSES * (PROCESSES - 1) / 2)

// All a process can tell its parent is a number of 8 bits, and the sum does not fit. So there are
// three trees: in the first, each process tells how many its part of the tree has; in the others it
// tells their sum modulo 256 and modulo 255. By the Chinese remainder theorem the two give every
// sum below 256 * 255, and 64 numbers below 64 have none above that.
enum kind { COUNT, MODULO_256, MODULO_255 };

// While there are leaves, all 64 are alive.
#define LEAF_LIFE (20 * MEASURE_MILLISECOND)

static int combine(enum kind kind, int sum) { return kind == MODULO_255 ? sum % 255 : sum % 256; }

// What the process with that number tells, or -1 when anything went wrong below it.
static int grow(int number, enum kind kind, uint64_t leaf_end) {
    pid_t child[2];
    int children = 0;
    for (int next = 2 * number + 1; next <= 2 * number + 2 && next < PROCESSES; next++) {
        const pid_t pid = fork();
        if (pid < 0)
            return -1;
        if (pid == 0) {
            const int answer = grow(next, kind, leaf_end);
            // Every exit code means a number. What means no number is another death.
            if (answer < 0)
                kill(getpid(), SIGKILL);
            _exit(answer);
        }
        child[children++] = pid;
    }
    if (children == 0)
        measure_sleep_until(leaf_end);
    int sum = kind == COUNT ? 1 : number;
    for (int i = 0; i < children; i++) {
        int status;
        if (waitpid(child[i], &status, 0) != child[i] || !WIFEXITED(status))
            return -1;
        sum += WEXITSTATUS(status);
    }
    return combine(kind, sum);
}

#define PAGE 4096
static char changed_by_child[PAGE] __attribute__((aligned(PAGE)));
static char changed_by_parent[PAGE] __attribute__((aligned(PAGE)));

static bool holds(const char *page, char value) {
    for (int i = 0; i < PAGE; i++) {
        if (page[i] != value)
            return false;
    }
    return true;
}

// Child and parent each change a page that the other reads, and read what the other changes.
static bool pages_are_own(void) {
    memset(changed_by_child, 'a', PAGE);
    memset(changed_by_parent, 'a', PAGE);
    const pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        memset(changed_by_child, 'c', PAGE);
        // By then the parent has changed its page.
        measure_sleep_until(measure_now() + 2 * MEASURE_MILLISECOND);
        _exit(holds(changed_by_child, 'c') && holds(changed_by_parent, 'a') ? 0 : 1);
    }
    memset(changed_by_parent, 'p', PAGE);
    int status = -1;
    return waitpid(pid, &status, 0) == pid && status == 0 && holds(changed_by_child, 'a') &&
           holds(changed_by_parent, 'p');
}

int main(void) {
    report_begin("fork");
    const int count = grow(0, COUNT, measure_now() + LEAF_LIFE);
    const uint64_t began = measure_now();
    const int low = grow(0, MODULO_256, 0), rest = grow(0, MODULO_255, 0);
    const uint64_t each = (measure_now() - began) / (UINT64_C(2) * (PROCESSES - 1));
    if (count < 0 || low < 0 || rest < 0)
        return report_end(false, "a process could not be started or did not end well");
    // 256 is 1 modulo 255.
    const int sum = low + 256 * ((rest - low % 255 + 255) % 255);
    const bool own = pages_are_own();
    return report_end(count == PROCESSES && sum == SUM && own,
                      "%d processes, sum of their numbers %d, ~%.1f us each; memory after fork %s",
                      count, sum, (double)each / 1000, own ? "each's own" : "MIXED UP");
}
