#include "guest/programs/lib/measure.h"

uint64_t measure_clock(clockid_t clock) {
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * MEASURE_SECOND + (uint64_t)time.tv_nsec;
}

uint64_t measure_now(void) { return measure_clock(CLOCK_MONOTONIC); }

void measure_sleep_until(uint64_t time) {
    uint64_t now;
    while ((now = measure_now()) < time) {
        const struct timespec rest = {
            .tv_sec = (time_t)((time - now) / MEASURE_SECOND),
            .tv_nsec = (long)((time - now) % MEASURE_SECOND),
        };
        nanosleep(&rest, NULL);
    }
}

static uint64_t nanoseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * MEASURE_SECOND + (uint64_t)time.tv_usec * MEASURE_MICROSECOND;
}

uint64_t measure_cpu_time(const struct rusage *usage) {
    return nanoseconds(usage->ru_utime) + nanoseconds(usage->ru_stime);
}

uint64_t measure_own_cpu_time(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return measure_cpu_time(&usage);
}
