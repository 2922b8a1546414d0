#include "arch/time.h"

#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/sbi.h"
#include "arch/riscv64/core/vcpu.h"

static bool sstc;

uint64_t arch_now(void) { return csr_read(time); }

uint64_t arch_instructions(void) { return csr_read(instret); }

// Only reading it tells whether stimecmp exists: the read traps where it does not, to wherever
// stvec points, which is just behind it here.
void timer_init(void) {
    uint64_t vector;
    uint64_t present = 1;
    asm volatile("lla %0, 1f\n"
                 "csrrw %0, stvec, %0\n"
                 "csrr zero, stimecmp\n"
                 "j 2f\n"
                 ".balign 4\n"
                 "1: li %1, 0\n"
                 "2: csrw stvec, %0\n"
                 : "=&r"(vector), "+r"(present)::"memory");
    sstc = present;
}

bool timer_has_sstc(void) { return sstc; }

void arch_timer_set(uint64_t deadline) {
    if (sstc) {
        csr_write(stimecmp, deadline);
    } else {
        sbi_set_timer(deadline);
    }
}
