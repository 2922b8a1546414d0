// Time that passes and CPU time that is used, both in nanoseconds.
#pragma once

#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#define MEASURE_MICROSECOND UINT64_C(1000)
#define MEASURE_MILLISECOND UINT64_C(1000000)
#define MEASURE_SECOND UINT64_C(1000000000)

// What the clock says.
uint64_t measure_clock(clockid_t clock);

// CLOCK_MONOTONIC.
uint64_t measure_now(void);

// Sleeps until CLOCK_MONOTONIC says that or more; not at all when it does already.
void measure_sleep_until(uint64_t time);

// User and system time together. getrusage() counts microseconds.
uint64_t measure_cpu_time(const struct rusage *usage);

// Of this process until now.
uint64_t measure_own_cpu_time(void);
