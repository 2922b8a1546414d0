// How many pages of object memory a vCPU is made of (contract: ARCH_VCPU_PAGES): the second is its
// VMCB (APM volume 2, 15.5.1: 4 KiB, aligned to that).
#pragma once

#define ARCH_VCPU_PAGES 2
