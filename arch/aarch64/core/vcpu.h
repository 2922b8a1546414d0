// What the aarch64 part shares about vCPUs.
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
