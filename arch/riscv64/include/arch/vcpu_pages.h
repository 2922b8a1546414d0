// How many pages of object memory a vCPU is made of (contract: ARCH_VCPU_PAGES).
#pragma once

#define ARCH_VCPU_PAGES 1
