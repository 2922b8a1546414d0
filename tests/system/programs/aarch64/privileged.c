#include "tests/system/programs/privileged.h"

#include <signal.h>

// Arm Architecture Reference Manual for A-profile (DDI 0487), chapters C5 and C6.
const struct privileged_instruction privileged_instructions[] = {
    {"mrs x0, sctlr_el1", 0xd5381000},
    {"mrs x0, ttbr0_el1", 0xd5382000},
    {"msr ttbr0_el1, x0", 0xd5182000},
    {"mrs x0, ttbr1_el1", 0xd5382020},
    {"msr ttbr1_el1, x0", 0xd5182020},
    {"mrs x0, tcr_el1", 0xd5382040},
    {"mrs x0, mair_el1", 0xd538a200},
    {"mrs x0, vbar_el1", 0xd538c000},
    {"msr vbar_el1, x0", 0xd518c000},
    {"mrs x0, esr_el1", 0xd5385200},
    {"mrs x0, far_el1", 0xd5386000},
    {"mrs x0, elr_el1", 0xd5384020},
    {"mrs x0, spsr_el1", 0xd5384000},
    {"mrs x0, sp_el0", 0xd5384100},
    {"mrs x0, tpidr_el1", 0xd538d080},
    {"mrs x0, cpacr_el1", 0xd5381040},
    {"msr cpacr_el1, x0", 0xd5181040},
    {"mrs x0, cntkctl_el1", 0xd538e100},
    {"mrs x0, cntvct_el0", 0xd53be040},
    {"mrs x0, cntfrq_el0", 0xd53be000},
    {"mrs x0, cntv_ctl_el0", 0xd53be320},
    {"msr cntv_cval_el0, x0", 0xd51be340},
    {"msr cntp_cval_el0, x0", 0xd51be240},
    {"mrs x0, midr_el1", 0xd5380000},
    {"mrs x0, mpidr_el1", 0xd53800a0},
    {"mrs x0, id_aa64mmfr0_el1", 0xd5380700},
    {"mrs x0, CurrentEL", 0xd5384240},
    {"mrs x0, daif", 0xd53b4220},
    {"msr daifclr, #2", 0xd50342ff},
    {"msr daifset, #2", 0xd50342df},
    {"msr spsel, #0", 0xd50040bf},
    {"mrs x0, icc_iar1_el1", 0xd538cc00},
    {"msr icc_eoir1_el1, x0", 0xd518cc20},
    {"msr icc_sgi1r_el1, x0", 0xd518cba0},
    {"mrs x0, hcr_el2", 0xd53c1100},
    {"msr vttbr_el2, x0", 0xd51c2100},
    {"mrs x0, sctlr_el3", 0xd53e1000},
    {"eret", 0xd69f03e0},
    {"hvc #0", 0xd4000002},
    {"smc #0", 0xd4000003},
    {"hlt #0", 0xd4400000},
    {"dcps1", 0xd4a00001},
    {"wfi", 0xd503207f},
    {"tlbi vmalle1", 0xd508871f},
    {"at s1e1r, x0", 0xd5087800},
    {"dc ivac, x0", 0xd5087620},
    {"dc isw, x0", 0xd5087640},
    {"ic iallu", 0xd508751f},
    {"udf #0", 0},
    {"all bits set", UINT32_MAX},
};
const unsigned privileged_count =
    sizeof(privileged_instructions) / sizeof(privileged_instructions[0]);

const uint32_t privileged_return = 0xd65f03c0; // ret

const int privileged_signal = SIGILL;
