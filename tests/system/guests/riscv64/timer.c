#include "tests/system/guests/riscv64/timer.h"

#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/bare.h"
#include "guest/lib/string.h"

volatile unsigned timer_taken;
volatile bool timer_fault_allowed;
static bool use_sstc;

static bool has_sstc(const struct machine *machine) {
    static const char name[] = "_sstc";
    const char *isa = machine_device_text(machine, "riscv", "riscv,isa");
    for (const char *at = isa != NULL ? isa : ""; *at != '\0'; at++) {
        if (strncmp(at, name, sizeof(name) - 1) == 0)
            return true;
    }
    return false;
}

void timer_begin(void) { csr_set(sie, SIE_STIE); }

uint64_t timer_now(void) { return csr_read(time); }

uint64_t timer_second(const struct machine *machine) { return machine->timebase; }

const char *timer_use(const struct machine *machine, unsigned way) {
    static const char *const names[] = {"set_timer", "stimecmp"};
    if (way > 1 || (way == 1 && !has_sstc(machine)))
        return NULL;
    use_sstc = way == 1;
    return names[way];
}

void timer_arm(uint64_t deadline) {
    if (use_sstc)
        __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(deadline));
    else
        SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, deadline);
}

uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc) {
    if (cause == SCAUSE_LOAD_ACCESS && timer_fault_allowed)
        return pc + 4;
    if (cause != SCAUSE_TIMER) {
        print("FAILED: unexpected trap, scause 0x%lx, stval 0x%lx, sepc 0x%lx\n", cause, value, pc);
        guest_end(true);
    }
    timer_taken++;
    timer_arm(UINT64_MAX);
    return pc;
}

bool timer_wait(uint64_t deadline) {
    const unsigned before = timer_taken;
    timer_arm(deadline);
    csr_set(sie, SIE_STIE);
    while (timer_taken == before) {
        // With sstatus.SIE off WFI still ends when the timer is pending, so it can't be missed.
        __asm__ volatile("wfi");
        csr_set(sstatus, SSTATUS_SIE);
        csr_clear(sstatus, SSTATUS_SIE);
    }
    return timer_taken == before + 1 && csr_read(time) >= deadline;
}

void timer_doze(uint64_t ticks) {
    timer_arm(csr_read(time) + ticks);
    __asm__ volatile("wfi");
}
