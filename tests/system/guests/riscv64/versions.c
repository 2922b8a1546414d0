// Watches its firmware being replaced: says which version answers whenever that changes, counts its
// rounds on the console, one line each, and has a second hart that runs all the while. It goes on
// until somebody from outside stores 1 into `finish`.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/timer.h"

#define STACK_SIZE 4096
#define PATIENCE 2000 // rounds of a millisecond

volatile uint64_t finish;

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static volatile uint64_t turns; // of the second hart
static volatile bool stop;
static uint64_t millisecond;

// Sleeps by its own firmware calls, as the first hart does. It takes no interrupts.
static __attribute__((used)) _Noreturn void second_main(void) {
    csr_write(sie, SIE_STIE);
    while (!stop) {
        SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, csr_read(time) + millisecond);
        __asm__ volatile("wfi");
        turns++;
    }
    SBI_CALL(SBI_HSM, SBI_HSM_STOP, 0);
    for (;;)
        __asm__ volatile("wfi");
}

static __attribute__((naked)) void second_start(void) {
    __asm__ volatile("la sp, %[stack] + %[size]\n"
                     "tail %[main]\n" ::[stack] "i"(stack),
                     [size] "i"(STACK_SIZE), [main] "i"(second_main));
}

static void sleep_one(void) { timer_wait(csr_read(time) + millisecond); }

static int64_t status_of(uint64_t hart) { return SBI_CALL(SBI_HSM, SBI_HSM_STATUS, hart).value; }

static void start(uint64_t hart) {
    const struct sbi_result result =
        SBI_CALL(SBI_HSM, SBI_HSM_START, hart, (uint64_t)second_start, 0);
    check(result.error == SBI_SUCCESS, "hart_start: %ld", result.error);
    for (unsigned i = 0; i < PATIENCE && turns == 0; i++)
        sleep_one();
    check(turns > 0, "the second hart did not begin");
}

static void end(uint64_t hart) {
    const uint64_t before = turns;
    for (unsigned i = 0; i < PATIENCE && turns == before; i++)
        sleep_one();
    check(turns > before, "the second hart does not run any more");
    stop = true;
    for (unsigned i = 0; i < PATIENCE && status_of(hart) != SBI_HSM_STOPPED; i++)
        sleep_one();
    check(status_of(hart) == SBI_HSM_STOPPED, "hart %lu did not stop", hart);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    const struct machine *machine = check_machine(device_tree);
    millisecond = machine->timebase / 1000;
    const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
    int64_t version = 0;
    start(other);
    for (uint64_t round = 1; !finish; round++) {
        const int64_t now = SBI_CALL(SBI_BASE, SBI_BASE_IMPL_VERSION, 0).value;
        if (now != version)
            print("versions: the firmware is version %ld\n", now);
        version = now;
        print("versions: round %lu\n", round);
        check(status_of(other) == SBI_HSM_STARTED, "hart %lu is not started", other);
        check(status_of(cpu) == SBI_HSM_STARTED, "hart %lu is not started", cpu);
        sleep_one();
    }
    end(other);
    return check_end("versions");
}
