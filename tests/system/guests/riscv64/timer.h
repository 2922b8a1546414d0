// The timer as the test guests use it: armed by the SBI or by stimecmp, taken as an interrupt.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// Interrupts taken so far; counted by the guests' trap function, which also disarms the timer.
extern volatile unsigned timer_taken;

// While true a load access fault is passed over: firmware may answer a bad address of a legacy call
// by giving the guest the fault that the guest's own access would have had.
extern volatile bool timer_fault_allowed;

// True when the device tree offers Sstc; then the timer may be armed by the guest itself.
bool timer_has_sstc(const struct machine *machine);

// Arms for `deadline`, UINT64_MAX for never, by whichever way was chosen last.
void timer_use_sstc(bool use);
void timer_arm(uint64_t deadline);

// Waits with WFI until the interrupt comes. It must come, at or after the deadline.
bool timer_wait(uint64_t deadline);
