// The floating-point and vector registers are the guest's across calls, interrupts and output.
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"
#include "tests/system/guests/timer.h"

#define ROUNDS 200
#define WORDS 32
#define REGISTERS "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
// Rounding, and flags of what has happened; no exception traps.
#define CONTROL_ROUNDING (3u << 13)
#define CONTROL_FLAGS 0x3fu
#define CONTROL_MASKS 0x1f80u
#define X87_START 0x37fu
#define X87_ROUNDING (3u << 10)

// The rest of the guest is compiled without floating point, so that nothing but this touches it.
static void load_all(const uint64_t value[WORDS], uint32_t control, uint16_t x87) {
    __asm__ volatile(".irp n, " REGISTERS "\n"
                     "movups 16*\\n(%0), %%xmm\\n\n"
                     ".endr\n"
                     "ldmxcsr %1\n"
                     "fldcw %2\n" ::"r"(value),
                     "m"(control), "m"(x87)
                     : "memory");
}

static void store_all(uint64_t value[WORDS], uint32_t *control, uint16_t *x87) {
    __asm__ volatile(".irp n, " REGISTERS "\n"
                     "movups %%xmm\\n, 16*\\n(%2)\n"
                     ".endr\n"
                     "stmxcsr %0\n"
                     "fnstcw %1\n"
                     : "=m"(*control), "=m"(*x87)
                     : "r"(value)
                     : "memory");
}

// Something that leaves the guest, by turns.
static void leave(unsigned round, uint64_t ticks) {
    if (round % 50 == 0)
        print("fp: written while the registers are in use\n");
    (void)firmware_version();
    if (round % 4 == 0)
        check(timer_wait(timer_now() + ticks), "round %u: the timer", round);
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    const uint64_t ticks = timer_second(bare_machine()) / 10000;
    timer_begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        static _Alignas(16) uint64_t before[WORDS], after[WORDS];
        for (unsigned i = 0; i < WORDS; i++)
            before[i] = check_random();
        const uint32_t control =
            CONTROL_MASKS | (check_random() & CONTROL_ROUNDING) | (round & CONTROL_FLAGS);
        const uint16_t x87 = (uint16_t)(X87_START | (check_random() & X87_ROUNDING));
        uint32_t control_after;
        uint16_t x87_after;
        load_all(before, control, x87);
        leave(round, ticks);
        store_all(after, &control_after, &x87_after);
        check(control_after == control && x87_after == x87,
              "round %u: MXCSR 0x%x, control word 0x%x became 0x%x, 0x%x", round, control, x87,
              control_after, x87_after);
        for (unsigned i = 0; i < WORDS; i++)
            check(before[i] == after[i], "round %u: half %u of XMM%u, 0x%lx, became 0x%lx", round,
                  i % 2, i / 2, before[i], after[i]);
    }
    return check_end("fp");
}
