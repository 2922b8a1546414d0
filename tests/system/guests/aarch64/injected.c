// Exceptions that the hypervisor injects leave the same behind as those that the CPU takes:
// PSTATE.PAN is set, or stays as it was where SCTLR_EL1.SPAN says so, and comes back with the
// return (Arm DDI 0487, D1.3.5). An undefined instruction is the CPU's, a limited ordering region's
// register is the hypervisor's.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

// PSTATE.PAN is S3_0_C4_C2_3 to an assembler of Armv8.0.
#define PAN_BIT (UINT64_C(1) << 22)
#define SCTLR_SPAN (UINT64_C(1) << 23)

static struct {
    unsigned count;
    uint64_t class, pan, level, masked;
} seen;

uint64_t bare_trap(const struct bare_trap *trap) {
    seen.count++;
    seen.class = ESR_CLASS(trap->syndrome);
    seen.pan = sysreg_read(s3_0_c4_c2_3);
    seen.level = sysreg_read(CurrentEL);
    seen.masked = sysreg_read(daif);
    return trap->pc + 4;
}

static void cpus_own(void) { __asm__ volatile("udf #0" ::: "memory"); }

static void injected(void) { __asm__ volatile("mrs xzr, s3_0_c10_c4_3" ::: "memory"); } // LORC_EL1

static void look(const char *name, void (*take)(void), bool stays, bool before) {
    const uint64_t control = sysreg_read(sctlr_el1) & ~SCTLR_SPAN;
    sysreg_write(sctlr_el1, control | (stays ? SCTLR_SPAN : 0));
    sysreg_write(s3_0_c4_c2_3, before ? PAN_BIT : 0);
    sysreg_sync();
    seen.count = 0;
    take();
    const bool after = (sysreg_read(s3_0_c4_c2_3) & PAN_BIT) != 0;
    sysreg_write(s3_0_c4_c2_3, 0);
    const bool pan = (seen.pan & PAN_BIT) != 0;
    check(seen.count == 1 && seen.class == ESR_UNKNOWN, "%s: %u traps, class 0x%lx", name,
          seen.count, seen.class);
    check(pan == (stays ? before : true), "%s: PAN is %u, SPAN %u, and was %u", name, pan, stays,
          before);
    check(after == before, "%s: PAN was %u and comes back as %u", name, before, after);
    check(seen.level == 4 && seen.masked == 0x3c0, "%s: level 0x%lx, masked 0x%lx", name,
          seen.level, seen.masked);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu;
    (void)device_tree;
    for (unsigned i = 0; i < 4; i++) {
        look("the CPU's", cpus_own, i & 1, i & 2);
        look("an injected one", injected, i & 1, i & 2);
    }
    return check_end("injected");
}
