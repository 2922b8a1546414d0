// Interrupts on their way to a guest.
#pragma once

#include "kernel/object/vcpu.h"

// VCPU has exited: the virtual interrupt that was offered to it may have been taken.
void interrupt_settle(struct vcpu *vcpu);

// VCPU is to be entered: an NMI that is due is delivered, if it can be. False: to be asked again.
bool interrupt_load(struct vcpu *vcpu);

// It would take an interrupt now: the WINDOW exit, if that was asked for.
struct context *interrupt_window(struct vcpu *vcpu, uint32_t mode);

// The guest is about to do an IRET, which ends the NMI that is served.
void interrupt_return(struct vcpu *vcpu);
