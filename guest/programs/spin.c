// Three processes want the CPU all the time, two of nice 0 and one of nice 5. The scheduler must
// share it by their weights.
//
//     spin [MILLISECONDS]
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define DEFAULT_TIME 300 // ms
#define TOLERANCE 0.05   // of a share

// A virtual machine that stands still for a while, of which its kernel can't know, charges that to
// whoever was running. A scheduler that is not fair is so every time.
#define TRIES 3

// Long enough to fork all of them before the first begins.
#define HEAD_START (5 * MEASURE_MILLISECOND)

struct spinner {
    int nice;
    unsigned weight; // Linux's sched_prio_to_weight
    pid_t pid;
    uint64_t cpu_time;
};

static struct spinner spinners[] = {{0, 1024, 0, 0}, {0, 1024, 0, 0}, {5, 335, 0, 0}};
#define SPINNERS (sizeof(spinners) / sizeof(spinners[0]))

static void work(void) {
    for (volatile unsigned i = 0; i < 2000; i++)
        ;
}

// A spinner's life. Its own count of CPU time can't be more than the time that has passed.
static int spin(int nice, uint64_t start, uint64_t end) {
    if (setpriority(PRIO_PROCESS, 0, nice) != 0)
        return 1;
    measure_sleep_until(start);
    const uint64_t used_before = measure_own_cpu_time(), began = measure_now();
    while (measure_now() < end)
        work();
    const uint64_t used = measure_own_cpu_time() - used_before;
    return used > 0 && used <= measure_now() - began + MEASURE_MICROSECOND ? 0 : 1;
}

static bool start_all(uint64_t duration) {
    const uint64_t start = measure_now() + HEAD_START;
    for (struct spinner *one = spinners; one < spinners + SPINNERS; one++) {
        one->pid = fork();
        if (one->pid == 0)
            _exit(spin(one->nice, start, start + duration));
        if (one->pid < 0)
            return false;
    }
    return true;
}

// Waits for each and gets its CPU time from the kernel.
static bool collect(void) {
    bool ok = true;
    for (struct spinner *one = spinners; one < spinners + SPINNERS; one++) {
        int status = -1;
        struct rusage usage = {0};
        ok = wait4(one->pid, &status, 0, &usage) == one->pid && status == 0 && ok;
        one->cpu_time = measure_cpu_time(&usage);
    }
    return ok;
}

static double measured[SPINNERS], expected[SPINNERS]; // shares of all CPU time

// False when a process could not be started or did not end well.
static bool measure(uint64_t duration) {
    if (!start_all(duration) || !collect())
        return false;
    double all_time = 0, all_weight = 0;
    for (unsigned i = 0; i < SPINNERS; i++) {
        all_time += (double)spinners[i].cpu_time;
        all_weight += spinners[i].weight;
    }
    for (unsigned i = 0; i < SPINNERS; i++) {
        measured[i] = (double)spinners[i].cpu_time / all_time;
        expected[i] = spinners[i].weight / all_weight;
    }
    return true;
}

static bool is_fair(void) {
    bool fair = true;
    for (unsigned i = 0; i < SPINNERS; i++)
        fair = fair && fabs(measured[i] / expected[i] - 1) <= TOLERANCE;
    return fair;
}

int main(int argc, char **argv) {
    report_begin("spin");
    const unsigned long time = argc > 1 ? strtoul(argv[1], NULL, 10) : DEFAULT_TIME;
    bool fair = false;
    for (unsigned i = 0; i < TRIES && !fair; i++) {
        if (!measure(time * MEASURE_MILLISECOND))
            return report_end(false, "a process could not be started or did not end well");
        fair = is_fair();
    }
    return report_end(fair,
                      "shares of the CPU ~%.1f %%, ~%.1f %%, ~%.1f %%, by weight %.1f %%, %.1f %%, "
                      "%.1f %%, each within %.0f %%",
                      100 * measured[0], 100 * measured[1], 100 * measured[2], 100 * expected[0],
                      100 * expected[1], 100 * expected[2], 100 * TOLERANCE);
}
