// Watches its firmware being replaced: says which version answers whenever that changes, counts its
// rounds on the console, one line each, and has a second CPU, where there is one, that runs all the
// while. It goes on until somebody from outside stores 1 into `finish`.
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"
#include "tests/system/guests/timer.h"

#define PATIENCE 2000 // rounds of a millisecond

volatile uint64_t finish;

static volatile uint64_t turns; // of the second CPU
static volatile bool stop;
static bool alone;
static uint64_t millisecond;

// Sleeps by its own firmware calls, as the first hart does. It takes no interrupts.
static void second_main(void) {
    timer_begin();
    while (!stop) {
        timer_doze(millisecond);
        turns++;
    }
    firmware_stop();
}

static void sleep_one(void) { timer_wait(timer_now() + millisecond); }

static void start(uint64_t cpu) {
    if (alone)
        return;
    const int64_t error = firmware_start(cpu, second_main);
    check(error == 0, "the second CPU's start: %ld", error);
    for (unsigned i = 0; i < PATIENCE && turns == 0; i++)
        sleep_one();
    check(turns > 0, "the second CPU did not begin");
}

static void end(uint64_t cpu) {
    if (alone)
        return;
    const uint64_t before = turns;
    for (unsigned i = 0; i < PATIENCE && turns == before; i++)
        sleep_one();
    check(turns > before, "the second CPU does not run any more");
    stop = true;
    for (unsigned i = 0; i < PATIENCE && !firmware_is_off(cpu); i++)
        sleep_one();
    check(firmware_is_off(cpu), "CPU %lu did not stop", cpu);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    millisecond = timer_second(machine) / 1000;
    const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
    uint64_t version = 0;
    alone = machine->cpus < 2;
    timer_begin();
    start(other);
    for (uint64_t round = 1; !finish; round++) {
        const uint64_t now = firmware_version();
        if (now != version)
            print("versions: the firmware is version %lu\n", now);
        version = now;
        print("versions: round %lu\n", round);
        check(alone || firmware_is_on(other), "CPU %lu is not on", other);
        check(firmware_is_on(cpu), "CPU %lu is not on", cpu);
        sleep_one();
    }
    end(other);
    return check_end("versions");
}
