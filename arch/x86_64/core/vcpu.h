// What the x86_64 part shares about vCPUs.
#pragma once

#include "kernel/cpu.h"
#include "kernel/object/vcpu.h"

// Makes ready for VMRUN what VCPU has beside its VMCB. False: the next entry is to come here again.
bool vcpu_load(struct vcpu *vcpu);

// VCPU has exited: the virtual interrupt that was offered to it may have been taken.
void vcpu_settle_interrupts(struct vcpu *vcpu);

// It would take an interrupt now: the WINDOW exit, if that was asked for.
struct context *vcpu_window(struct vcpu *vcpu, uint32_t mode);
