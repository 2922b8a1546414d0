// Starts, interrupts, fences and stops a second hart by the SBI (SBI 2.0, chapters 7 to 9). Needs a
// machine with two CPUs.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/timer.h"

#define STACK_SIZE 4096
#define PATIENCE_MS 2000

enum { IDLE, RUNNING, INTERRUPTED, FINISH };

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static volatile unsigned state;
static volatile uint64_t got_hart, got_opaque, got_satp, got_status;
static uint64_t millisecond;

static __attribute__((used)) _Noreturn void second_main(uint64_t hart, uint64_t opaque) {
    got_hart = hart;
    got_opaque = opaque;
    got_satp = csr_read(satp);
    got_status = csr_read(sstatus);
    __atomic_store_n(&state, RUNNING, __ATOMIC_RELEASE);
    csr_write(sie, SIE_SSIE);
    while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != FINISH) {
        __asm__ volatile("wfi");
        if (csr_read(sip) & SIE_SSIE) {
            csr_clear(sip, SIE_SSIE);
            if (state == RUNNING)
                __atomic_store_n(&state, INTERRUPTED, __ATOMIC_RELEASE);
        }
    }
    SBI_CALL(SBI_HSM, SBI_HSM_STOP, 0);
    // A hart that goes on after it was stopped shows as one that never stops.
    for (;;)
        __asm__ volatile("wfi");
}

static __attribute__((naked)) void second_start(void) {
    __asm__ volatile("la sp, %[stack] + %[size]\n"
                     "tail %[main]\n" ::[stack] "i"(stack),
                     [size] "i"(STACK_SIZE), [main] "i"(second_main));
}

static int64_t status_of(uint64_t hart) {
    const struct sbi_result result = SBI_CALL(SBI_HSM, SBI_HSM_STATUS, hart);
    return result.error == SBI_SUCCESS ? result.value : result.error;
}

// Waiting is sleeping: a hart that spins may keep the other one from running.
static bool wait_state(unsigned wanted) {
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == wanted)
            return true;
        timer_wait(csr_read(time) + millisecond);
    }
    return false;
}

static bool wait_status(uint64_t hart, int64_t wanted) {
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        if (status_of(hart) == wanted)
            return true;
        timer_wait(csr_read(time) + millisecond);
    }
    return false;
}

static int64_t error_of(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1,
                        uint64_t a2) {
    return SBI_CALL(extension, function, a0, a1, a2).error;
}

static void life(uint64_t hart, uint64_t opaque) {
    const uint64_t entry = (uint64_t)second_start;
    state = IDLE;
    check(status_of(hart) == SBI_HSM_STOPPED, "hart %lu is not stopped at first", hart);
    check(error_of(SBI_HSM, SBI_HSM_START, hart, entry, opaque) == SBI_SUCCESS, "hart_start");
    check(error_of(SBI_HSM, SBI_HSM_START, hart, entry, 1) == SBI_ERR_ALREADY_AVAILABLE,
          "a second hart_start");
    check(wait_state(RUNNING), "hart %lu did not begin", hart);
    check(status_of(hart) == SBI_HSM_STARTED, "hart %lu runs but is not started", hart);
    check(got_hart == hart && got_opaque == opaque, "hart %lu began with a0 %lu, a1 0x%lx", hart,
          got_hart, got_opaque);
    check(got_satp == 0 && (got_status & SSTATUS_SIE) == 0,
          "it began with satp 0x%lx, sstatus 0x%lx", got_satp, got_status);

    check(error_of(SBI_IPI, SBI_IPI_SEND, 1, hart, 0) == SBI_SUCCESS, "send_ipi");
    check(wait_state(INTERRUPTED), "the interrupt did not arrive");
    check(error_of(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, hart, 0) == SBI_SUCCESS, "remote fence.i");
    check(error_of(SBI_RFENCE, SBI_RFENCE_SFENCE, 1, hart, 0) == SBI_SUCCESS, "remote sfence");

    __atomic_store_n(&state, FINISH, __ATOMIC_RELEASE);
    check(error_of(SBI_IPI, SBI_IPI_SEND, UINT64_MAX, UINT64_MAX, 0) == SBI_SUCCESS,
          "send_ipi to all");
    csr_clear(sip, SIE_SSIE);
    check(wait_status(hart, SBI_HSM_STOPPED), "hart %lu did not stop", hart);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    millisecond = machine->timebase / 1000;
    if (machine->cpus < 2) {
        print("multi_hart: SKIPPED, the machine has one CPU\n");
        return true;
    }
    const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
    for (uint64_t opaque = 0x1234; opaque < 0x1238; opaque++)
        life(other, opaque << 32 | 0x8000abcd);
    // Last, because firmware that takes it loses the hart.
    const uint64_t outside = machine->memory.base + machine->memory.size + 4096;
    check(error_of(SBI_HSM, SBI_HSM_START, other, outside, 0) == SBI_ERR_INVALID_ADDRESS,
          "hart_start above RAM");
    return check_end("multi_hart");
}
