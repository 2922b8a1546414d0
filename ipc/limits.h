// How much there can be of what the servers below keep in a state region, whose layout has room for
// so many. A manifest that wants more is refused (libs/manifest). Each server checks its own
// numbers against these when it is compiled.
#pragma once

#define LIMITS_VMS 4      // all servers' that know VMs
#define LIMITS_DEVICES 16 // emulated, of all VMs together: npf-pager's

// vCPUs of all VMs together.
#define LIMITS_VCPUS 48      // sbi-server's and npf-pager's
#define LIMITS_VCPUS_APIC 16 // on x86_64: timer-server's, which has their local APICs in its region

// vCPUs of one VM with an emulated interrupt controller: npf-pager's, by libs/vgic.
#define LIMITS_VCPUS_GICV3 16
#define LIMITS_VCPUS_GICV2 8 // and the architecture's: GICD_ITARGETSR (IHI 0048, 4.3.12)
