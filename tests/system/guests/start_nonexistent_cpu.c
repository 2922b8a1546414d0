// Starts CPUs that do not exist, or run already (SBI 2.0 §9.1; Arm DEN 0022, §5.6), asks for their
// states, and shuts down cleanly.
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"

static void never(void) {
    for (;;) {
    }
}

static void start(uint64_t cpu, const char *what) {
    print("start_nonexistent_cpu: %s: %ld\n", what, firmware_start(cpu, never));
    const bool here = firmware_is_on(cpu);
    check(!firmware_is_off(cpu), "%s is off", what);
    print("start_nonexistent_cpu: %s: %s\n", what, here ? "on" : "not there");
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    start(99, "CPU 99");
    start(UINT64_MAX, "CPU 2^64 - 1");
    start(UINT64_C(1) << 33 | cpu, "this CPU plus 2^33");
    start(cpu, "this CPU");
    return check_end("start_nonexistent_cpu");
}
