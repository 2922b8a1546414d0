// SVM on this CPU: its tables, and the address-space identifiers of vCPUs.
#pragma once

#include "kernel/object/vcpu.h"

// Switches it on. Panics where the CPU lacks what the core needs.
void svm_init(void);

// The physical addresses of the maps that say which ports and MSRs exit: all ports, and all MSRs
// but those whose values VMLOAD and VMSAVE switch.
void svm_permissions(uint64_t *io, uint64_t *msr);

// Nothing that any vCPU's identifier tags in the TLB is good any more.
void svm_forget(void);

// The same for one vCPU.
static inline void svm_forget_vcpu(struct vcpu *vcpu) { vcpu->arch.generation = 0; }

// VCPU is to be entered: gives it an identifier, if it has none, and says in its VMCB what of the
// TLB is to be flushed.
void svm_identify(struct vcpu *vcpu);
