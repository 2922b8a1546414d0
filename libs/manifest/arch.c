#include "libs/manifest/arch.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "ipc/limits.h"
#include "ipc/syscall.h"

static_assert(LIMITS_VCPUS <= SYSCALL_VCPUS_MAX && LIMITS_VCPUS_APIC <= LIMITS_VCPUS,
              "what is accepted here fits the core, and the servers of every architecture");

static const struct manifest_arch archs[] = {
    {
        .name = "riscv64",
        // Privileged Architecture 1.12, sections 8.5.1 (Sv39x4) and 4.4.1 (Sv39).
        .guest_bits = 41,
        .host_bits = 56,
        .port_io = false,
        .vcpus = LIMITS_VCPUS,
        .isa_prefix = "rv64",
        .isa_bases = "ig",
        .controller = {{.compatible = "riscv,plic0", .contexts = true}},
        .line_last = 1023, // PLIC 1.0.0, chapter 1: sources 1 to 1023
        .reset = "sifive,test0",
        .feature =
            {
                {"sstc", VCPU_FEATURE_TIMER},
                {"counters", VCPU_FEATURE_COUNTERS},
            },
    },
    {
        .name = "aarch64",
        // What the core's second stage translates (VTCR_EL2.T0SZ and PS: Arm ARM, D17.2.155).
        .guest_bits = 40,
        .host_bits = 40,
        .port_io = false,
        .window = true,
        .vcpus = LIMITS_VCPUS,
        .controller =
            {
                // Two frames of 64 KiB (IHI 0069, 12.10).
                {.compatible = "arm,gic-v3",
                 .part = {{"redistributors", 0x20000, 0x10000}},
                 .vcpus = LIMITS_VCPUS_GICV3},
                // IHI 0048, 4.1.2, 5.3 and 5.5: pages; the last register, GICC_DIR, is in a second.
                {.compatible = "arm,gic-400",
                 .part = {{"cpu-interface", 0x2000, 0x1000},
                          {"hypervisor-interface", 0x1000, 0x1000},
                          {"guest-interface", 0x2000, 0x1000}},
                 .vcpus = LIMITS_VCPUS_GICV2,
                 .shared = true,
                 .guests = 2},
            },
        // Shared interrupts have the INTIDs 32 to 1019, and one less 32 in a device tree (Arm
        // GIC architecture specification, IHI 0069, 2.2).
        .line_last = 987,
        .emulated_line_last = 63,
        .console = "arm,pl011",
        .feature =
            {
                {"counters", VCPU_FEATURE_COUNTERS},
            },
    },
    {
        .name = "x86_64",
        // What the core's nested tables translate, and what it sees of the machine.
        .guest_bits = 39,
        .host_bits = 40,
        .port_io = true,
        .window = true,
        .vcpus = LIMITS_VCPUS_APIC,
        .controller = {{.compatible = "intel,82093aa"}},
        .line_last =
            23, // 82093AA data sheet: 24 inputs, of which the first is the old controllers'
        .feature =
            {
                {"counters", VCPU_FEATURE_COUNTERS},
            },
    },
};

const struct manifest_controller *manifest_arch_controller(const struct manifest_arch *arch,
                                                           const char *compatible) {
    for (const struct manifest_controller *found = arch->controller; found->compatible; found++) {
        if (strcmp(found->compatible, compatible) == 0)
            return found;
    }
    return NULL;
}

const struct manifest_arch *manifest_arch_find(const char *name) {
    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
        if (strcmp(archs[i].name, name) == 0)
            return &archs[i];
    }
    return NULL;
}
