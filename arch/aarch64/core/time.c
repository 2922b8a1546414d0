#include "arch/time.h"

#include "arch/aarch64/core/sysreg.h"

uint64_t arch_now(void) { return sysreg_read(cntpct_el0); }

uint64_t arch_instructions(void) { return sysreg_read(pmccntr_el0); }

// The hypervisor's own timer (CNTHP), PPI 26.
void arch_timer_set(uint64_t deadline) {
    sysreg_write(cnthp_cval_el2, deadline);
    sysreg_write(cnthp_ctl_el2, CNT_ENABLE);
    sysreg_sync();
}
