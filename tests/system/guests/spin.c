// A guest that never gives the CPU back: interrupts masked, a timer armed and ignored, and a loop.
// Whoever started it must end it.
#include "tests/system/guests/check.h"
#include "tests/system/guests/timer.h"

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    timer_begin();
    timer_arm(timer_now() + 1000);
    print("spin: spinning with interrupts masked\n");
    for (;;)
        __asm__ volatile("");
}
