// What the fake architecture shares about vCPUs.
#pragma once

#include "kernel/object/vcpu.h"

#define MACHINE_INSTRUCTION 4 // bytes of an instruction, where nothing else is said

// Makes VCPU's system registers those in the hardware.
void vcpu_load(struct vcpu *vcpu);
