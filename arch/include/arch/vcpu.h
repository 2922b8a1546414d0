// The architecture's part of a vCPU. Every function works whether the vCPU's system registers are
// in the hardware just now (cpu->loaded) or in its arch_vcpu.
#pragma once

#include "kernel/object/vcpu.h"

void arch_vcpu_init(struct vcpu *vcpu);

// Reset state: it will begin at PC in the guest's kernel mode, translation off, interrupts off,
// with the two arguments where the architecture's firmware interface has them.
void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1);

// Features (enum vcpu_feature) that it gets. UNSUPPORTED when this machine lacks one.
NODISCARD enum status arch_vcpu_features(struct vcpu *vcpu, uint64_t features);

// The assembly path left part of the state in the hardware: completes the saved registers.
void arch_vcpu_settle(struct vcpu *vcpu);

// The result registers of a hypercall.
void arch_vcpu_result(struct vcpu *vcpu, uint64_t result0, uint64_t result1);

// Past the instruction that exited, whose LENGTH in bytes may be given; 0: the length that the
// exit's class implies.
void arch_vcpu_advance(struct vcpu *vcpu, uint64_t length);

// Raises, takes back a virtual interrupt (enum interrupt). QUICK: it is raised only where that
// takes but a few instructions and no call; false: it was not.
bool arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt, bool quick);
void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt);

// What the guest's CPU has of a virtual INTERRUPT: *STATE becomes enum vcpu_look bits. INVALID:
// there is none of that number. UNSUPPORTED where there is nothing that a server could not know.
NODISCARD enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state);

// Does WHAT (enum vcpu_interrupt) about a virtual INTERRUPT, which is of VCPU_INTERRUPT's form.
// INVALID: there is no such WHAT or INTERRUPT. UNSUPPORTED where replies alone raise interrupts.
NODISCARD enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt);

// DUE_WINDOW, which the architecture has set, is to be told: completes the record's words.
void arch_vcpu_window(struct vcpu *vcpu);

// True when an interrupt is pending that would end the guest's wait for interrupts.
bool arch_vcpu_pending(struct vcpu *vcpu);

// With VCPU_FEATURE_TIMER: when the guest's own timer fires, in ticks of the host's counter.
uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu);

// Makes the guest take exception CAUSE with VALUE at its own handler.
void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value);

// The instruction that the guest would fetch at its own virtual ADDRESS, which must lie in memory.
// NOT_FOUND: nothing can be fetched there. UNSUPPORTED where servers can do it themselves.
NODISCARD enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction);

// Forgets the translations of the guest's own stage that this vCPU has cached.
void arch_vcpu_fence(struct vcpu *vcpu);
