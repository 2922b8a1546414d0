#include "libs/manifest/arch.h"

#include <stddef.h>
#include <string.h>

#include "ipc/syscall.h"

static const struct manifest_arch archs[] = {
    {
        .name = "riscv64",
        // Privileged Architecture 1.12, sections 8.5.1 (Sv39x4) and 4.4.1 (Sv39).
        .guest_bits = 41,
        .host_bits = 56,
        .port_io = false,
        .isa_prefix = "rv64",
        .isa_bases = "ig",
        .controller = "riscv,plic0",
        .reset = "sifive,test0",
        .feature =
            {
                {"sstc", VCPU_FEATURE_TIMER},
                {"counters", VCPU_FEATURE_COUNTERS},
            },
    },
};

const struct manifest_arch *manifest_arch_find(const char *name) {
    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
        if (strcmp(archs[i].name, name) == 0)
            return &archs[i];
    }
    return NULL;
}
