// Does nothing but look at its clock, and keeps the longest time between two looks: what a guest
// sees of whatever goes on around it. For ever; the numbers are read, and `calls` is set, from
// outside.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"

volatile uint64_t longest; // in ticks of its counter
volatile uint64_t calls;   // 1: it calls its firmware between two looks

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu;
    (void)check_machine(device_tree);
    print("gap: begins\n");
    uint64_t last = csr_read(time);
    for (;;) {
        if (calls)
            SBI_CALL(SBI_BASE, SBI_BASE_IMPL_VERSION, 0);
        uint64_t now = csr_read(time);
        if (now - last > longest)
            longest = now - last;
        last = now;
    }
}
