// Sleeps of 1 to 20 ms, each compared with the clock: none may be too short, and how late they end
// is reported.
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define SLEEPS 20

// The two clocks may drift apart by that.
#define CLOCKS_APART MEASURE_MILLISECOND

// CPU time that going to sleep and waking up may take. A virtual machine that stands still makes
// some of them look longer, as many as it likes. A kernel that passes the time by waiting in a loop
// makes all of them so.
#define BUSY_MAX (MEASURE_MILLISECOND / 2)

#define TRIES 10

static uint64_t distance(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

// How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. They can't be read at once: of some tries,
// the one with the least time around it.
static uint64_t clocks_distance(void) {
    uint64_t result = 0, least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        const uint64_t before = measure_now(), real = measure_clock(CLOCK_REALTIME);
        const uint64_t around = measure_now() - before;
        if (around < least) {
            least = around;
            result = real - before;
        }
    }
    return result;
}

int main(void) {
    report_begin("sleep");
    const uint64_t apart = clocks_distance();
    uint64_t late = 0, latest = 0, busy = 0;
    unsigned busy_sleeps = 0;
    for (unsigned i = 1; i <= SLEEPS; i++) {
        const uint64_t used_before = measure_own_cpu_time();
        const uint64_t asked = i * MEASURE_MILLISECOND, start = measure_now();
        const struct timespec time = {.tv_nsec = (long)asked};
        if (nanosleep(&time, NULL) != 0)
            return report_end(false, "nanosleep: %s", strerror(errno));
        const uint64_t slept = measure_now() - start;
        if (slept < asked)
            return report_end(false, "%u ms took only ~%.3f ms", i, (double)slept / 1e6);
        const uint64_t used = measure_own_cpu_time() - used_before;
        busy += used;
        busy_sleeps += used > BUSY_MAX;
        late += slept - asked;
        latest = slept - asked > latest ? slept - asked : latest;
    }
    const bool agree = distance(clocks_distance(), apart) <= CLOCKS_APART;
    return report_end(agree && busy_sleeps < SLEEPS,
                      "%u sleeps of 1 to %u ms, none too short, late by ~%.1f us on average, ~%.1f "
                      "us at most; the clocks %s; ~%.1f us of CPU time for each",
                      SLEEPS, SLEEPS, (double)late / SLEEPS / 1000, (double)latest / 1000,
                      agree ? "agree" : "DISAGREE", (double)busy / SLEEPS / 1000);
}
