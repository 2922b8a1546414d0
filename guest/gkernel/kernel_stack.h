// The stacks on which threads run in the kernel: two pages each in the window, behind a page that
// is never mapped. The architecture's trap code finds a stack that has run over by an address bit:
// a slot is four pages, aligned, and the stack is its upper half.
#pragma once

#include <stdint.h>

#define KERNEL_STACK_BIT 13
#define KERNEL_STACK_SIZE (UINT64_C(1) << KERNEL_STACK_BIT)

// The end of stack `index`, which is made when it is first asked for. NULL when memory is short.
void *kernel_stack(unsigned index);
