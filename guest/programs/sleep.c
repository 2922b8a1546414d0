// Sleeps of 1 to 20 ms, each compared with the clock: none may be too short, and how late they end
// is reported.
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define SLEEPS 20

// The two clocks may drift apart by that, and a sleeping process may use that much of the CPU: what
// it does around its sleeps.
#define CLOCKS_APART MEASURE_MILLISECOND
#define BUSY_MAX 0.05

static uint64_t distance(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

int main(void) {
    report_begin("sleep");
    const uint64_t used = measure_own_cpu_time();
    const uint64_t real = measure_clock(CLOCK_REALTIME), began = measure_now();
    uint64_t late = 0, latest = 0;
    for (unsigned i = 1; i <= SLEEPS; i++) {
        const uint64_t asked = i * MEASURE_MILLISECOND, start = measure_now();
        const struct timespec time = {.tv_nsec = (long)asked};
        if (nanosleep(&time, NULL) != 0)
            return report_end(false, "nanosleep: %s", strerror(errno));
        const uint64_t slept = measure_now() - start;
        if (slept < asked)
            return report_end(false, "%u ms took only ~%.3f ms", i, (double)slept / 1e6);
        late += slept - asked;
        latest = slept - asked > latest ? slept - asked : latest;
    }
    const uint64_t passed = measure_now() - began;
    const uint64_t passed_really = measure_clock(CLOCK_REALTIME) - real;
    const double busy = (double)(measure_own_cpu_time() - used) / (double)passed;
    const bool agree = distance(passed, passed_really) <= CLOCKS_APART;
    return report_end(agree && busy <= BUSY_MAX,
                      "%u sleeps of 1 to %u ms, none too short, late by ~%.1f us on average, ~%.1f "
                      "us at most; the clocks %s; CPU ~%.2f %%",
                      SLEEPS, SLEEPS, (double)late / SLEEPS / 1000, (double)latest / 1000,
                      agree ? "agree" : "DISAGREE", 100 * busy);
}
