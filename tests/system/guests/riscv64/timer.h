// Beside timer.h: of the trap function that counts the timer's interrupts.
#pragma once

#include "tests/system/guests/timer.h"

// While true a load access fault is passed over: firmware may answer a bad address of a legacy call
// by giving the guest the fault that the guest's own access would have had.
extern volatile bool timer_fault_allowed;
