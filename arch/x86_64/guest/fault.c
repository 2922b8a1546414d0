#include "guest/fault.h"

#include "arch/x86_64/guest/mmu.h"

void fault_illegal_instruction(void) { __asm__ volatile("ud2"); }

__attribute__((naked, aligned(16))) void fault_return(void) { __asm__("ret"); }

// The linear map of RAM, behind the kernel's image and before the 16 MiB that the guest has at
// least.
unsigned long fault_kernel_address(void) { return MMU_LINEAR_BASE + 0xc00000; }
