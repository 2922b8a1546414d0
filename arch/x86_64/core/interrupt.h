// Interrupts on their way to a guest.
#pragma once

#include "kernel/object/vcpu.h"

// VCPU has exited: the virtual interrupt that was offered to it may have been taken.
void interrupt_settle(struct vcpu *vcpu);

// VCPU is to be entered: an NMI that is due is delivered, if it can be.
void interrupt_load(struct vcpu *vcpu);

// It would take an interrupt now: the WINDOW exit, if that was asked for.
struct context *interrupt_window(struct vcpu *vcpu, uint32_t mode);

// What is known of NMIs becomes NMI: NMI_DUE, NMI_SERVED. An exit at IRET tells that none is
// served, or nothing else keeps one waiting.
void interrupt_nmi(struct vcpu *vcpu, uint8_t nmi);
