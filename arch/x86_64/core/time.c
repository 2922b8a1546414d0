#include "arch/x86_64/core/time.h"

#include "arch/panic.h"
#include "arch/time.h"
#include "arch/x86_64/core/apic.h"
#include "arch/x86_64/core/cpu.h"

// Channel 2 of the interval timer (8254 data sheet), which every PC has: it counts down once while
// its gate is open, and its output says when it is done.
#define PIT_FREQUENCY 1193182ull
#define PIT_INTERVAL 256u // of its ticks, some 215 microseconds
#define PIT_CHANNEL 0x42u
#define PIT_COMMAND 0x43u
#define PIT_COUNT_DOWN 0xb0u // channel 2, both bytes, mode 0
#define PIT_GATE 0x61u
#define PIT_GATE_OPEN 1u
#define PIT_DONE 0x20u
#define STEPS 10000000 // looks at it that this may take
#define TICKS_A_SECOND 100

uint64_t time_tick;

// Ticks of the APIC's timer for one of the counter, in units of 2^-32.
static uint64_t ratio;

// How far the counter comes in the interval, and *TIMER, that of the APIC.
static uint64_t time_measure(uint64_t *timer) {
    cpu_out8(PIT_GATE, PIT_GATE_OPEN); // and the loudspeaker is off
    cpu_out8(PIT_COMMAND, PIT_COUNT_DOWN);
    cpu_out8(PIT_CHANNEL, PIT_INTERVAL & 0xff);
    cpu_out8(PIT_CHANNEL, PIT_INTERVAL >> 8); // from here on its output is low
    apic_timer_set(UINT32_MAX);
    uint64_t begin = cpu_counter();
    panic_unless(!(cpu_in8(PIT_GATE) & PIT_DONE),
                 "there is no interval timer (8254, channel 2); port 61h reads", cpu_in8(PIT_GATE));
    for (int i = 0; !(cpu_in8(PIT_GATE) & PIT_DONE); i++) {
        panic_unless(i < STEPS, "the interval timer (8254, channel 2) does not count; looks at it",
                     STEPS);
    }
    *timer = UINT32_MAX - apic_timer_left();
    return cpu_counter() - begin;
}

uint64_t time_init(void) {
    uint64_t timer;
    time_measure(&timer); // the first time is not exact
    uint64_t counter = time_measure(&timer);
    panic_unless(counter && timer, "the machine's clocks stand still; counted", counter);
    ratio = (timer << 32) / counter;
    uint64_t frequency = counter * PIT_FREQUENCY / PIT_INTERVAL;
    time_tick = frequency / TICKS_A_SECOND;
    return frequency;
}

uint64_t arch_now(void) { return cpu_counter(); }

// No counter of instructions is there; QEMU's -icount makes the other one that.
uint64_t arch_instructions(void) { return cpu_counter(); }

// One that comes early does no harm: it is set again.
void arch_timer_set(uint64_t deadline) {
    uint64_t now = cpu_counter();
    uint64_t left = deadline > now ? deadline - now : 0;
    left = left < UINT32_MAX / 8 ? left : UINT32_MAX / 8;
    uint64_t count = left * ratio >> 32;
    apic_timer_set(count ? (uint32_t)count : 1);
}
