#include "guest/gkernel/kernel_stack.h"

#include <stddef.h>

#include "guest/gkernel/kernel_space.h"

// Twice the stack: its lower half stays unmapped.
#define SLOT_SIZE (2 * KERNEL_STACK_SIZE)
_Static_assert(KERNEL_SPACE_STACKS_SIZE % SLOT_SIZE == 0, "whole slots");

void *kernel_stack(unsigned index) {
    if (index >= KERNEL_SPACE_STACKS_SIZE / SLOT_SIZE)
        return NULL;
    const uint64_t end = kernel_space_stacks() + (index + 1) * SLOT_SIZE;
    for (uint64_t va = end - KERNEL_STACK_SIZE; va < end; va += PAGE_SIZE) {
        if (!kernel_space_add_page(va))
            return NULL;
    }
    return (void *)(uintptr_t)end;
}
