// A list of what is shown. A field that is not in it reads as zero, which says that the feature is
// not there; so do registers that are reserved today. So a guest never sees what came behind this
// list, and whose traps nobody thought of. Each row's last column is the highest version of the
// feature that guests have; higher ones need registers or instructions that trap, or bits of EL2's
// control registers that are not set.
//
// Not in it, because the core keeps them from guests (arch/aarch64/core/sysreg.h, HCR_GUEST):
// scalable vectors and matrices, memory tags, RAS, MPAM, activity monitors, profiling, tracing,
// limited ordering regions, EL2 and EL3 with all that belongs to them, AArch32 at EL1, SCXTNUM, and
// what came with Armv8.6 and has traps of its own.
#include "servers/npf-pager/idregs.h"

#include <stddef.h>

// Places, by name.
enum {
    AA64PFR0 = IDREGS_PLACE(4, 0),
    AA64PFR1 = IDREGS_PLACE(4, 1),
    AA64DFR0 = IDREGS_PLACE(5, 0),
    AA64ISAR0 = IDREGS_PLACE(6, 0),
    AA64ISAR1 = IDREGS_PLACE(6, 1),
    AA64ISAR2 = IDREGS_PLACE(6, 2),
    AA64MMFR0 = IDREGS_PLACE(7, 0),
    AA64MMFR1 = IDREGS_PLACE(7, 1),
    AA64MMFR2 = IDREGS_PLACE(7, 2),
    PFR0 = IDREGS_PLACE(1, 0),
    PFR1 = IDREGS_PLACE(1, 1),
    PFR2 = IDREGS_PLACE(3, 4),
    DFR0 = IDREGS_PLACE(1, 2),
};

enum kind {
    UNSIGNED, // a higher number is more
    SIGNED,   // the same, and 15 is -1: not there
    GIC,      // as UNSIGNED, where the VM's controller has such an interface
};

// X(register, field, lowest bit, kind, highest number that is shown)
#define FIELDS(X)                                                                                  \
    X(AA64PFR0, EL0, 0, UNSIGNED, 2)                                                               \
    X(AA64PFR0, EL1, 4, UNSIGNED, 1)                                                               \
    X(AA64PFR0, FP, 16, SIGNED, 1)                                                                 \
    X(AA64PFR0, AdvSIMD, 20, SIGNED, 1)                                                            \
    X(AA64PFR0, GIC, 24, GIC, 1)                                                                   \
    X(AA64PFR0, DIT, 48, UNSIGNED, 1)                                                              \
    X(AA64PFR0, CSV2, 56, UNSIGNED, 1)                                                             \
    X(AA64PFR0, CSV3, 60, UNSIGNED, 1)                                                             \
    X(AA64PFR1, BT, 0, UNSIGNED, 1)                                                                \
    X(AA64PFR1, SSBS, 4, UNSIGNED, 2)                                                              \
    X(AA64DFR0, DebugVer, 0, UNSIGNED, 6)                                                          \
    X(AA64DFR0, PMUVer, 8, SIGNED, 1)                                                              \
    X(AA64DFR0, BRPs, 12, UNSIGNED, 1)                                                             \
    X(AA64DFR0, WRPs, 20, UNSIGNED, 1)                                                             \
    X(AA64DFR0, DoubleLock, 36, SIGNED, 0)                                                         \
    X(AA64ISAR0, AES, 4, UNSIGNED, 2)                                                              \
    X(AA64ISAR0, SHA1, 8, UNSIGNED, 1)                                                             \
    X(AA64ISAR0, SHA2, 12, UNSIGNED, 2)                                                            \
    X(AA64ISAR0, CRC32, 16, UNSIGNED, 1)                                                           \
    X(AA64ISAR0, Atomic, 20, UNSIGNED, 2)                                                          \
    X(AA64ISAR0, RDM, 28, UNSIGNED, 1)                                                             \
    X(AA64ISAR0, SHA3, 32, UNSIGNED, 1)                                                            \
    X(AA64ISAR0, SM3, 36, UNSIGNED, 1)                                                             \
    X(AA64ISAR0, SM4, 40, UNSIGNED, 1)                                                             \
    X(AA64ISAR0, DP, 44, UNSIGNED, 1)                                                              \
    X(AA64ISAR0, FHM, 48, UNSIGNED, 1)                                                             \
    X(AA64ISAR0, TS, 52, UNSIGNED, 2)                                                              \
    X(AA64ISAR0, TLB, 56, UNSIGNED, 2)                                                             \
    X(AA64ISAR0, RNDR, 60, UNSIGNED, 1)                                                            \
    X(AA64ISAR1, DPB, 0, UNSIGNED, 2)                                                              \
    X(AA64ISAR1, APA, 4, UNSIGNED, 5)                                                              \
    X(AA64ISAR1, API, 8, UNSIGNED, 5)                                                              \
    X(AA64ISAR1, JSCVT, 12, UNSIGNED, 1)                                                           \
    X(AA64ISAR1, FCMA, 16, UNSIGNED, 1)                                                            \
    X(AA64ISAR1, LRCPC, 20, UNSIGNED, 2)                                                           \
    X(AA64ISAR1, GPA, 24, UNSIGNED, 1)                                                             \
    X(AA64ISAR1, GPI, 28, UNSIGNED, 1)                                                             \
    X(AA64ISAR1, FRINTTS, 32, UNSIGNED, 1)                                                         \
    X(AA64ISAR1, SB, 36, UNSIGNED, 1)                                                              \
    X(AA64ISAR1, SPECRES, 40, UNSIGNED, 1)                                                         \
    X(AA64ISAR1, BF16, 44, UNSIGNED, 1)                                                            \
    X(AA64ISAR1, DGH, 48, UNSIGNED, 1)                                                             \
    X(AA64ISAR1, I8MM, 52, UNSIGNED, 1)                                                            \
    X(AA64ISAR2, GPA3, 8, UNSIGNED, 1)                                                             \
    X(AA64ISAR2, APA3, 12, UNSIGNED, 5)                                                            \
    X(AA64ISAR2, BC, 20, UNSIGNED, 1)                                                              \
    X(AA64ISAR2, PAC_frac, 24, UNSIGNED, 1)                                                        \
    X(AA64ISAR2, CLRBHB, 28, UNSIGNED, 1)                                                          \
    X(AA64MMFR0, PARange, 0, UNSIGNED, 2) /* 40 bits, what stage 2 translates (VTCR_EL2) */        \
    X(AA64MMFR0, ASIDBits, 4, UNSIGNED, 2)                                                         \
    X(AA64MMFR0, BigEnd, 8, UNSIGNED, 1)                                                           \
    X(AA64MMFR0, SNSMem, 12, UNSIGNED, 1)                                                          \
    X(AA64MMFR0, BigEndEL0, 16, UNSIGNED, 1)                                                       \
    X(AA64MMFR0, TGran16, 20, UNSIGNED, 1)                                                         \
    X(AA64MMFR0, TGran64, 24, SIGNED, 0)                                                           \
    X(AA64MMFR0, TGran4, 28, SIGNED, 0)                                                            \
    X(AA64MMFR0, ExS, 44, UNSIGNED, 1)                                                             \
    X(AA64MMFR1, HAFDBS, 0, UNSIGNED, 2)                                                           \
    X(AA64MMFR1, HPDS, 12, UNSIGNED, 2)                                                            \
    X(AA64MMFR1, PAN, 20, UNSIGNED, 3)                                                             \
    X(AA64MMFR1, ETS, 36, UNSIGNED, 2)                                                             \
    X(AA64MMFR1, nTLBPA, 48, UNSIGNED, 1)                                                          \
    X(AA64MMFR1, ECBHB, 60, UNSIGNED, 1)                                                           \
    X(AA64MMFR2, CnP, 0, UNSIGNED, 1)                                                              \
    X(AA64MMFR2, UAO, 4, UNSIGNED, 1)                                                              \
    X(AA64MMFR2, LSM, 8, UNSIGNED, 1)                                                              \
    X(AA64MMFR2, VARange, 16, UNSIGNED, 1)                                                         \
    X(AA64MMFR2, CCIDX, 20, UNSIGNED, 1) /* CCSIDR_EL1 is the CPU's own */                         \
    X(AA64MMFR2, ST, 28, UNSIGNED, 1)                                                              \
    X(AA64MMFR2, AT, 32, UNSIGNED, 1)                                                              \
    X(AA64MMFR2, IDS, 36, UNSIGNED, 1)                                                             \
    X(AA64MMFR2, TTL, 48, UNSIGNED, 1)                                                             \
    X(AA64MMFR2, BBM, 52, UNSIGNED, 2)                                                             \
    X(AA64MMFR2, E0PD, 60, UNSIGNED, 1)                                                            \
    X(PFR0, State0, 0, UNSIGNED, 15)                                                               \
    X(PFR0, State1, 4, UNSIGNED, 15)                                                               \
    X(PFR0, State2, 8, UNSIGNED, 15)                                                               \
    X(PFR0, State3, 12, UNSIGNED, 15)                                                              \
    X(PFR0, CSV2, 16, UNSIGNED, 1)                                                                 \
    X(PFR0, DIT, 24, UNSIGNED, 1)                                                                  \
    X(PFR1, ProgMod, 0, UNSIGNED, 15)                                                              \
    X(PFR1, GenTimer, 16, UNSIGNED, 1)                                                             \
    X(PFR1, GIC, 28, GIC, 1)                                                                       \
    X(PFR2, CSV3, 0, UNSIGNED, 1)                                                                  \
    X(PFR2, SSBS, 4, UNSIGNED, 1)                                                                  \
    X(DFR0, CopDbg, 0, UNSIGNED, 6)                                                                \
    X(DFR0, PerfMon, 24, SIGNED, 3)

static const struct field {
    uint8_t place, shift, kind, highest;
} fields[] = {
#define FIELD(reg, name, shift, kind, highest) {reg, shift, kind, highest},
    FIELDS(FIELD)
#undef FIELD
};

// Those of AArch32 that say only which instructions and which memory model there are, because a
// program may be of AArch32 where PFR0.EL0 says so: MMFR0 to 3; ISAR0 to 5, MMFR4, ISAR6; MVFR0 to
// 2, MMFR5. X(CRm, op2)
#define WHOLE(X)                                                                                   \
    X(1, 4)                                                                                        \
    X(1, 5)                                                                                        \
    X(1, 6)                                                                                        \
    X(1, 7)                                                                                        \
    X(2, 0)                                                                                        \
    X(2, 1)                                                                                        \
    X(2, 2)                                                                                        \
    X(2, 3)                                                                                        \
    X(2, 4)                                                                                        \
    X(2, 5)                                                                                        \
    X(2, 6)                                                                                        \
    X(2, 7)                                                                                        \
    X(3, 0)                                                                                        \
    X(3, 1)                                                                                        \
    X(3, 2)                                                                                        \
    X(3, 6)

static bool is_whole(uint32_t place) {
    switch (place) {
#define CASE(crm, op2) case IDREGS_PLACE(crm, op2):
        WHOLE(CASE)
#undef CASE
        return true;
    default:
        return false;
    }
}

static uint64_t shown(const struct field *field, uint64_t physical, bool has_gic_registers) {
    uint64_t value = physical >> field->shift & 15;
    if ((field->kind == SIGNED && value == 15) || value <= field->highest) {
        return field->kind == GIC && !has_gic_registers ? 0 : value;
    }
    return field->highest;
}

uint64_t idregs_value(uint32_t place, uint64_t physical, bool has_gic_registers) {
    uint64_t value = 0;
    if (is_whole(place)) {
        return physical;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].place == place) {
            value |= shown(&fields[i], physical, has_gic_registers) << fields[i].shift;
        }
    }
    return value;
}
