// Sets every breakpoint and watchpoint that it can reach for what runs at EL0, wherever that is,
// and goes on using its servers. They run at EL0, too, and must not notice. Where a guest has no
// such registers, a trap is what it gets.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"

#define ROUNDS 100
// Of the control registers (Arm DDI 0487, D19.3.2 and D19.3.11): on, for EL0 alone, all bytes; of
// watchpoints, loads and stores in two gigabytes.
#define BREAKPOINT (UINT64_C(1) | UINT64_C(2) << 1 | UINT64_C(0xf) << 5)
#define WATCHPOINT                                                                                 \
    (UINT64_C(1) | UINT64_C(2) << 1 | UINT64_C(3) << 3 | UINT64_C(0xff) << 5 | UINT64_C(31) << 24)
#define MDSCR_ALL (UINT64_C(1) << 15 | UINT64_C(1) << 13) // MDE, KDE
#define PROGRAMS 0x10000                                  // where servers begin

static unsigned traps;

uint64_t bare_trap(const struct bare_trap *trap) {
    traps++;
    return trap->pc + 4;
}

static void set(unsigned round) {
    const uint64_t at = PROGRAMS + (uint64_t)round * 16;
    sysreg_write(oslar_el1, 0);
#define SET(n)                                                                                     \
    sysreg_write(dbgbvr##n##_el1, at + 4 * (n));                                                   \
    sysreg_write(dbgbcr##n##_el1, BREAKPOINT);                                                     \
    sysreg_write(dbgwvr##n##_el1, UINT64_C(n) << 31);                                              \
    sysreg_write(dbgwcr##n##_el1, WATCHPOINT);
    SET(0)
    SET(1)
    SET(2)
    SET(3)
#undef SET
    sysreg_write(mdscr_el1, MDSCR_ALL);
    sysreg_sync();
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    for (unsigned round = 0; round < ROUNDS; round++) {
        set(round);
        check(firmware_version() != 0, "round %u: a firmware call", round);
        check(!firmware_is_on(99), "round %u: another", round);
    }
    print("debug_registers: %u traps\n", traps);
    return check_end("debug_registers");
}
