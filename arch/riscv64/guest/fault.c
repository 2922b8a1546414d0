#include "guest/fault.h"

#include "arch/riscv64/guest/mmu.h"

// 16 bits that are all zero are defined to be illegal (RISC-V unprivileged ISA, §1.5).
void fault_illegal_instruction(void) { __asm__ volatile(".2byte 0"); }

__attribute__((naked, aligned(16))) void fault_return(void) { __asm__("ret"); }

// The linear map of RAM, behind the kernel's image and before the 16 MiB that the guest has at
// least.
unsigned long fault_kernel_address(void) { return MMU_LINEAR_BASE + 0x80c00000; }
