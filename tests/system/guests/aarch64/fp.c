// The FP and SIMD registers are the guest's across firmware calls, emulated registers and
// interrupts.
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"
#include "tests/system/guests/timer.h"

#define ROUNDS 200
#define WORDS 64
#define REGISTERS                                                                                  \
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define FPCR_ROUNDING (UINT64_C(3) << 22)
#define FPSR_FLAGS UINT64_C(0x1f)

// The rest of the guest is compiled without FP, so that nothing but this touches it.
static void load_all(const uint64_t value[WORDS], uint64_t fpcr, uint64_t fpsr) {
    __asm__ volatile(".arch_extension fp\n"
                     ".irp n, " REGISTERS "\n"
                     "ldr q\\n, [%0, #16*\\n]\n"
                     ".endr\n"
                     "msr fpcr, %1\n"
                     "msr fpsr, %2\n" ::"r"(value),
                     "r"(fpcr), "r"(fpsr)
                     : "memory");
}

static void store_all(uint64_t value[WORDS], uint64_t *fpcr, uint64_t *fpsr) {
    __asm__ volatile(".arch_extension fp\n"
                     ".irp n, " REGISTERS "\n"
                     "str q\\n, [%2, #16*\\n]\n"
                     ".endr\n"
                     "mrs %0, fpcr\n"
                     "mrs %1, fpsr\n"
                     : "=&r"(*fpcr), "=&r"(*fpsr)
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

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const uint64_t ticks = timer_second(bare_machine()) / 10000;
    timer_begin();
    sysreg_write(cpacr_el1, CPACR_FPEN);
    sysreg_sync();
    for (unsigned round = 0; round < ROUNDS; round++) {
        static _Alignas(16) uint64_t before[WORDS], after[WORDS];
        for (unsigned i = 0; i < WORDS; i++)
            before[i] = check_random();
        const uint64_t fpcr = (check_random() & FPCR_ROUNDING), fpsr = round & FPSR_FLAGS;
        uint64_t fpcr_after, fpsr_after;
        load_all(before, fpcr, fpsr);
        leave(round, ticks);
        store_all(after, &fpcr_after, &fpsr_after);
        check(fpcr_after == fpcr && fpsr_after == fpsr,
              "round %u: fpcr 0x%lx, fpsr 0x%lx became 0x%lx, 0x%lx", round, fpcr, fpsr, fpcr_after,
              fpsr_after);
        for (unsigned i = 0; i < WORDS; i++)
            check(before[i] == after[i], "round %u: half %u of v%u, 0x%lx, became 0x%lx", round,
                  i % 2, i / 2, before[i], after[i]);
    }
    return check_end("fp");
}
