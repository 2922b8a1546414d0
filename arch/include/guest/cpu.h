// The guest contract, the CPU: interrupts, waiting, and switching from one kernel stack to another.
#pragma once

#include <stdint.h>

void cpu_interrupts_on(void);
void cpu_interrupts_off(void);

// Called with interrupts off: returns, off again, once an interrupt is pending, or was taken where
// the CPU can't wait for one in another way.
void cpu_wait(void);

// Saves what the C calling convention lets a callee keep on the running stack, stores the stack
// pointer at `from`, and goes on where `to` was saved. Interrupts are off on both sides.
void cpu_switch(uintptr_t *from, uintptr_t to);

// A stack on which cpu_switch will call `entry`, which must not return.
uintptr_t cpu_new_stack(void *stack_end, void (*entry)(void));
