// Makes every kind of firmware call that does not exist. Each must be refused with
// SBI_ERR_NOT_SUPPORTED (SBI 2.0, chapter 3) and change nothing.
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"

#define RANDOM_CALLS 4000
#define FUNCTIONS 64

// Extensions with the number of functions that SBI 2.0 gives them.
static const struct {
    uint64_t extension;
    uint64_t functions;
} known[] = {
    {SBI_BASE, 7}, {SBI_TIME, 1}, {SBI_IPI, 1},  {SBI_RFENCE, 7}, {SBI_HSM, 4},  {SBI_SRST, 1},
    {SBI_DBCN, 3}, {SBI_PMU, 8},  {SBI_SUSP, 1}, {SBI_CPPC, 4},   {SBI_NACL, 5}, {SBI_STA, 1},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static unsigned refused;

static void refuse(uint64_t extension, uint64_t function) {
    const struct sbi_result result =
        SBI_CALL(extension, function, check_random(), check_random(), check_random());
    check(result.error == SBI_ERR_NOT_SUPPORTED, "extension 0x%lx function 0x%lx gave %ld",
          extension, function, result.error);
    refused++;
}

// Everything that SBI 2.0 gives a meaning, as 32-bit numbers.
static bool has_meaning(uint64_t extension) {
    for (unsigned i = 0; i < KNOWN; i++) {
        if (extension == known[i].extension)
            return true;
    }
    return extension <= SBI_LEGACY_SHUTDOWN;
}

static void unknown_functions(void) {
    for (unsigned i = 0; i < KNOWN; i++) {
        const bool there = sbi_has(known[i].extension);
        // Of one that is there: what lies behind its last function, and numbers that look like its
        // functions in their low half only.
        for (uint64_t f = there ? known[i].functions : 0; f <= FUNCTIONS; f++)
            refuse(known[i].extension, f);
        refuse(known[i].extension, UINT64_C(1) << 32);
        refuse(known[i].extension, UINT64_MAX);
    }
}

static void unknown_extensions(void) {
    for (uint64_t legacy = SBI_LEGACY_SHUTDOWN + 1; legacy < SBI_BASE; legacy++)
        refuse(legacy, 0);
    for (unsigned i = 0; i < KNOWN; i++) {
        refuse(known[i].extension | UINT64_C(1) << 32, 0);
        refuse(known[i].extension ^ 1, 0);
    }
    // The spaces for experiments, vendors and firmware begin like this (SBI 2.0, chapters 17 to
    // 19).
    for (uint64_t i = 0; i < 256; i++) {
        refuse(0x08000000 + i, 0);
        refuse(0x09000000 + i * 0x10001, 0);
        refuse(0x0a000000 + i * 0x10001, 0);
    }
    for (unsigned i = 0; i < RANDOM_CALLS; i++) {
        const uint64_t wide = check_random();
        // Half of them as the specification forms them, sign-extended from 32 bits.
        const uint64_t extension = i % 2 == 0 ? wide : (uint64_t)(int64_t)(int32_t)wide;
        if (!has_meaning(extension))
            refuse(extension, check_random() % FUNCTIONS);
    }
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    unknown_functions();
    unknown_extensions();
    const struct sbi_result version = SBI_CALL(SBI_BASE, SBI_BASE_SPEC_VERSION, 0);
    check(version.error == SBI_SUCCESS, "afterwards get_spec_version gave %ld", version.error);
    const bool passed = check_end("unknown_sbi");
    print("unknown_sbi: %u calls refused\n", refused);
    return passed;
}
