#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/recovery/guest/riscv64/recovery.h"

#define STACK_SIZE 4096
#define LINGER_TICKS 120000

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static uint64_t first;

static __attribute__((used)) _Noreturn void second_main(uint64_t hart, uint64_t opaque) {
    note(EVENT_SECOND);
    mix(hart);
    mix(opaque);
    line("CPU %lu: 0x%lx", hart, opaque);
    touch_next();
    ask(SBI_RFENCE, SBI_RFENCE_SFENCE, 1, first, 0);
    // From here on it stores nothing: the first hart may run.
    SBI_CALL(SBI_IPI, SBI_IPI_SEND, 1, first);
    SBI_CALL(SBI_HSM, SBI_HSM_STOP, 0);
    // A hart that goes on after it was stopped shows as one that never stops.
    for (;;)
        __asm__ volatile("wfi");
}

static __attribute__((naked)) void second_start(void) {
    __asm__ volatile("csrw sie, zero\n"
                     "la t0, bare_vector\n"
                     "csrw stvec, t0\n"
                     "la sp, %[stack] + %[size]\n"
                     "tail %[main]\n" ::[stack] "i"(stack),
                     [size] "i"(STACK_SIZE), [main] "i"(second_main));
}

// Lets the other hart run, for longer than it may need, and leaves no trace of how often.
static void linger(void) {
    __asm__ volatile("rdtime t0\n"
                     "add t0, t0, %0\n"
                     "1: rdtime t1\n"
                     "bltu t1, t0, 1b\n"
                     "li t0, 0\n"
                     "li t1, 0\n" ::"r"((uint64_t)LINGER_TICKS)
                     : "t0", "t1");
}

void cpus_round(uint64_t own, uint64_t other, uint64_t round) {
    const uint64_t entry = (uint64_t)second_start;
    first = own;
    if (round == 0)
        ask(SBI_HSM, SBI_HSM_START, other, 1, 0); // an address that is none
    ask(SBI_HSM, SBI_HSM_STATUS, other, 0, 0);
    // The other hart may run from here on, so nothing is stored before it has finished.
    const struct sbi_result started =
        SBI_CALL(SBI_HSM, SBI_HSM_START, other, entry, round << 8 | 0x5a);
    sleep_software(round % 2 == 0);
    mix((uint64_t)started.error);
    mix((uint64_t)started.value);
    // Its last call may still be under way, and asking again and again would make more calls in one
    // run than in another.
    sleep_timer();
    while (SBI_CALL(SBI_HSM, SBI_HSM_STATUS, other).value != SBI_HSM_STOPPED)
        linger();
}
