// What the x86_64 part shares about vCPUs.
#pragma once

#include "kernel/cpu.h"
#include "kernel/object/vcpu.h"

// Makes ready for VMRUN what VCPU has beside its VMCB. False: the next entry is to come here again.
bool vcpu_load(struct vcpu *vcpu);

// VCPU has touched a debug register for the first time: it has them from now on.
struct context *vcpu_debug(struct vcpu *vcpu);

// VCPU, in reset state, begins as after a STARTUP (14.1.3): in real mode, at the beginning of PAGE.
void vcpu_real(struct vcpu *vcpu, uint64_t page);
