// The guest contract of the program `fault`: what no program can say in C.
#pragma once

// An instruction that no CPU of the architecture knows.
void fault_illegal_instruction(void);

// Returns at once. Its code is at most so many bytes and does not depend on where it is.
#define FAULT_RETURN_SIZE 16
void fault_return(void);

// An address in the kernel's half at which gkernel has memory that it may read and write itself.
unsigned long fault_kernel_address(void);
