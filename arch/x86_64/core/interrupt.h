// Interrupts on their way to a guest.
#pragma once

#include "kernel/object/vcpu.h"

// VCPU has exited: the virtual interrupt that was offered to it may have been taken.
void interrupt_settle(struct vcpu *vcpu);

// VCPU is to be entered: an NMI that is due is delivered, if it can be.
void interrupt_load(struct vcpu *vcpu);

// It would take an interrupt now: the WINDOW exit, if that was asked for.
struct context *interrupt_window(struct vcpu *vcpu, uint32_t mode);

// It is about to return from the handler of an NMI, or from another that keeps one waiting.
struct context *interrupt_return(struct vcpu *vcpu);
