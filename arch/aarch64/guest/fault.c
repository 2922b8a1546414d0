#include "guest/fault.h"

#include "arch/aarch64/guest/mmu.h"

// UDF is defined to be undefined (Arm ARM C6.2, "UDF").
void fault_illegal_instruction(void) { __asm__ volatile("udf #0"); }

__attribute__((naked, aligned(16))) void fault_return(void) { __asm__("ret"); }

// The linear map of RAM, behind the kernel's image and before the 16 MiB that the guest has at
// least.
unsigned long fault_kernel_address(void) { return MMU_LINEAR_BASE + 0x40c00000; }
