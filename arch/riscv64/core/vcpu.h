// What the riscv64 part shares about vCPUs and the timer.
#pragma once

#include "kernel/object/vcpu.h"

// Makes VCPU's system registers those in the hardware.
void vcpu_load(struct vcpu *vcpu);

// Finds out whether the machine has Sstc.
void timer_init(void);

// True when the machine has stimecmp and vstimecmp (Sstc).
bool timer_has_sstc(void);
