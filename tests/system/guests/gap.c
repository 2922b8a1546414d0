// Does nothing but look at its clock, and keeps the longest time between two looks: what a guest
// sees of whatever goes on around it. For ever; the numbers are read, and `calls` is set, from
// outside.
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"
#include "tests/system/guests/timer.h"

volatile uint64_t longest; // in ticks of its counter
volatile uint64_t calls;   // 1: it calls its firmware between two looks

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    print("gap: begins\n");
    uint64_t last = timer_now();
    for (;;) {
        if (calls)
            (void)firmware_version();
        uint64_t now = timer_now();
        if (now - last > longest)
            longest = now - last;
        last = now;
    }
}
