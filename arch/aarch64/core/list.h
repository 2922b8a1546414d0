// List registers: the virtual interrupts that a guest has pending or active, as the CPU's virtual
// interface presents them to it (GICv3, chapter 6). What finds no free one waits in arch_vcpu, and
// a maintenance interrupt says when there is room.
#pragma once

#include "kernel/object/vcpu.h"

// True when any is pending.
bool list_pending(struct vcpu *vcpu);

// The maintenance interrupt: room has come, or the guest has ended what is to be reported.
void list_maintain(struct vcpu *vcpu);

// Between the hardware and arch_vcpu, when the vCPU is unloaded and loaded.
void list_save(struct vcpu *vcpu);
void list_load(struct vcpu *vcpu);
