// Four processes compute with doubles side by side, each with another rounding mode, and are
// preempted in the middle of it all the time. Registers, rounding mode and exception flags are each
// process's own: every result must be the same to the last bit as when it is computed undisturbed.
//
//     fp [MILLISECONDS]
#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/chaos.h"
#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define DEFAULT_TIME 120 // ms
#define STEPS 10000
#define PREEMPTIONS 5 // at least, of each process

#define HEAD_START (5 * MEASURE_MILLISECOND)
#define PATIENCE (20 * MEASURE_SECOND)

// The results were computed with the same steps by another machine (x86-64).
static const struct mode {
    const char *name;
    int rounding;
    uint64_t result;
} modes[] = {
    {"to nearest", FE_TONEAREST, UINT64_C(0x492c56669a7ab91b)},
    {"towards zero", FE_TOWARDZERO, UINT64_C(0x0821ae09a9ceaacc)},
    {"downwards", FE_DOWNWARD, UINT64_C(0xdb0ed6e452f13a17)},
    {"upwards", FE_UPWARD, UINT64_C(0xf5ebd13e9db6e900)},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

// Each process raises one exception flag of its own, and keeps it. Inexact everybody raises.
static const int flags[MODES] = {FE_DIVBYZERO, FE_OVERFLOW, FE_UNDERFLOW, FE_INVALID};
#define ALL_FLAGS (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)

static long own_preemptions(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

// For the given time, and until it was preempted often enough. Whatever stopped the machine for a
// while: its parent stays a rival to the end.
static int compute(unsigned number, uint64_t start, uint64_t end) {
    bool ok = fesetround(modes[number].rounding) == 0 && feclearexcept(FE_ALL_EXCEPT) == 0 &&
              feraiseexcept(flags[number]) == 0;
    measure_sleep_until(start);
    while (ok && (measure_now() < end || own_preemptions() < PREEMPTIONS))
        ok = chaos_hash(STEPS) == modes[number].result && measure_now() < end + PATIENCE;
    return ok && fegetround() == modes[number].rounding && fetestexcept(ALL_FLAGS) == flags[number]
               ? 0
               : 1;
}

// Undisturbed, before there is anybody else.
static bool compute_alone(void) {
    bool ok = true;
    for (const struct mode *mode = modes; mode < modes + MODES; mode++) {
        fesetround(mode->rounding);
        const uint64_t result = chaos_hash(STEPS);
        fesetround(FE_TONEAREST);
        printf("rounded %-12s %016lx\n", mode->name, (unsigned long)result);
        ok = ok && result == mode->result;
    }
    return ok;
}

// One more who computes, rounding to nearest, while any of the others does.
static bool compute_until_all_ended(const pid_t pids[MODES], unsigned *exact, long *least) {
    bool ok = true, ended[MODES] = {false};
    unsigned running = MODES;
    while (running > 0) {
        ok = chaos_hash(STEPS) == modes[0].result && ok;
        for (unsigned i = 0; i < MODES; i++) {
            int status = -1;
            struct rusage usage = {0};
            if (ended[i] || wait4(pids[i], &status, WNOHANG, &usage) == 0)
                continue;
            ended[i] = true;
            running--;
            *exact += status == 0;
            *least = *least < 0 || usage.ru_nivcsw < *least ? usage.ru_nivcsw : *least;
        }
    }
    return ok;
}

int main(int argc, char **argv) {
    report_begin("fp");
    const unsigned long time = argc > 1 ? strtoul(argv[1], NULL, 10) : DEFAULT_TIME;
    const bool alone = compute_alone();

    const uint64_t start = measure_now() + HEAD_START;
    pid_t pids[MODES];
    for (unsigned i = 0; i < MODES; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(compute(i, start, start + time * MEASURE_MILLISECOND));
        if (pids[i] < 0)
            return report_end(false, "a process could not be started");
    }
    unsigned exact = 0;
    long least = -1;
    const bool beside = compute_until_all_ended(pids, &exact, &least);
    return report_end(alone && beside && exact == MODES && least >= PREEMPTIONS,
                      "alone %s, side by side %u of %zu processes and their parent %s, each "
                      "preempted at least %u times (~%ld)",
                      alone ? "exact" : "WRONG", exact, MODES, beside ? "bit-exact" : "WRONG",
                      PREEMPTIONS, least);
}
