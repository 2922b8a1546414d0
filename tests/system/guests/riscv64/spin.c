// A guest that never gives the CPU back: interrupts masked, a timer armed and ignored, and a loop.
// Whoever started it must end it.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu;
    (void)check_machine(device_tree);
    csr_clear(sstatus, SSTATUS_SIE);
    csr_set(sie, SIE_STIE);
    SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, csr_read(time) + 1000);
    print("spin: spinning with interrupts masked\n");
    for (;;)
        __asm__ volatile("");
}
