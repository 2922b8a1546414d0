// How many vCPUs there can be. A manifest that wants more is refused (libs/manifest), because the
// servers below keep something of each vCPU in a state region, whose layout has room for so many.
// Each of them checks its own number against these when it is compiled.
#pragma once

// Of all VMs together.
#define LIMITS_VCPUS 48      // sbi-server's and npf-pager's
#define LIMITS_VCPUS_APIC 16 // on x86_64: timer-server's, which has their local APICs in its region

// Of one VM with an emulated interrupt controller: npf-pager's, by libs/vgic.
#define LIMITS_VCPUS_GICV3 16
#define LIMITS_VCPUS_GICV2 8 // and the architecture's: GICD_ITARGETSR (IHI 0048, 4.3.12)
