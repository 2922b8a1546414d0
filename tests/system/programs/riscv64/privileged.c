#include "tests/system/programs/privileged.h"

#include <signal.h>

#define CSR_READ(csr) (0x00002573u | (uint32_t)(csr) << 20)  // csrrs a0, csr, zero
#define CSR_WRITE(csr) (0x00001073u | (uint32_t)(csr) << 20) // csrrw zero, csr, zero

// RISC-V Privileged Architecture 1.12; hypervisor instructions from chapter 8.
const struct privileged_instruction privileged_instructions[] = {
    {"csrr sstatus", CSR_READ(0x100)},
    {"csrr sie", CSR_READ(0x104)},
    {"csrr stvec", CSR_READ(0x105)},
    {"csrr scounteren", CSR_READ(0x106)},
    {"csrr senvcfg", CSR_READ(0x10a)},
    {"csrr sscratch", CSR_READ(0x140)},
    {"csrr sepc", CSR_READ(0x141)},
    {"csrr sip", CSR_READ(0x144)},
    {"csrr stimecmp", CSR_READ(0x14d)},
    {"csrr satp", CSR_READ(0x180)},
    {"csrw satp", CSR_WRITE(0x180)},
    {"csrw stvec", CSR_WRITE(0x105)},
    {"csrw stimecmp", CSR_WRITE(0x14d)},
    {"csrr vsstatus", CSR_READ(0x200)},
    {"csrr vsatp", CSR_READ(0x280)},
    {"csrr mstatus", CSR_READ(0x300)},
    {"csrr mhartid", CSR_READ(0xf14)},
    {"csrr hstatus", CSR_READ(0x600)},
    {"csrr hgatp", CSR_READ(0x680)},
    {"csrw hgatp", CSR_WRITE(0x680)},
    {"csrw cycle", CSR_WRITE(0xc00)},
    {"csrr of nobody", CSR_READ(0x8ff)},
    {"csrr seed", CSR_READ(0x015)},
    {"csrr vl", CSR_READ(0xc20)},
    {"mret", 0x30200073},
    {"sret", 0x10200073},
    {"uret", 0x00200073},
    {"dret", 0x7b200073},
    {"wfi", 0x10500073},
    {"sfence.vma", 0x12000073},
    {"sinval.vma", 0x16000073},
    {"hfence.vvma", 0x22000073},
    {"hfence.gvma", 0x62000073},
    {"hlv.w a0, (a0)", 0x68054573},
    {"hlvx.hu a0, (a0)", 0x64354573},
    {"hsv.w zero, (a0)", 0x6a054073},
    {"vsetvli", 0x0d007557},
    {"cbo.zero (a0)", 0x0045200f},
    {"cbo.inval (a0)", 0x0005200f},
    {"all bits clear", 0},
    {"all bits set", UINT32_MAX},
};
const unsigned privileged_count =
    sizeof(privileged_instructions) / sizeof(privileged_instructions[0]);

const uint32_t privileged_return = 0x00008067; // ret

const int privileged_signal = SIGILL;
