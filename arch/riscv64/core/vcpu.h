// What the riscv64 part shares about vCPUs and the timer.
#pragma once

#include "kernel/cpu.h"
#include "kernel/object/vcpu.h"

// Makes VCPU's system registers those in the hardware.
void vcpu_load_slow(struct vcpu *vcpu);
static inline void vcpu_load(struct vcpu *vcpu) {
    if (vcpu->context.cpu->loaded != vcpu) {
        vcpu_load_slow(vcpu);
    }
}

// The guest that is loaded may have switched the counters off that tasks read (scounteren is one
// for both). True when they were off and are on now, until vcpu_return_counters gives the guest its
// own setting back. Like floating point this costs nothing as long as nobody needs it.
bool vcpu_borrow_counters(struct cpu *cpu);
void vcpu_return_counters(struct cpu *cpu);

// Finds out whether the machine has Sstc.
void timer_init(void);

// True when the machine has stimecmp and vstimecmp (Sstc).
bool timer_has_sstc(void);
