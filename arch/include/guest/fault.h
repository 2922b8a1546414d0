// The guest contract of the program `fault`: what no program can say in C.
#pragma once

// An instruction that no CPU of the architecture knows.
void fault_illegal_instruction(void);

// Returns at once. The bytes of its code may be copied: it does not depend on where it is.
void fault_return(void);

// An address in the kernel's half at which gkernel has memory that it may read and write itself.
unsigned long fault_kernel_address(void);
