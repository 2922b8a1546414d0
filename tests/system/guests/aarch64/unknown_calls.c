// Makes every kind of firmware call that does not exist, by HVC and by SMC. Each must be refused
// with -1 (SMCCC, Arm DEN 0028, 5.2) and change nothing but the registers that a call may change.
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/code.h"
#include "tests/system/guests/check.h"

#define RANDOM_CALLS 4000
#define PSCI_VERSION 0x84000000u
#define NOT_SUPPORTED (-1)

// By their upper byte: fast or not, width, owner (DEN 0028, table 6-2). PSCI is of owner 4.
#define FAST 0x80000000u
#define WIDE 0x40000000u
#define OWNER(n) ((uint32_t)(n) << 24)
#define OWNERS 64
#define OWNER_ARCHITECTURE 0
#define OWNER_STANDARD 4

// Of these owners' functions so many may have a meaning.
#define KNOWN_ARCHITECTURE 3
#define KNOWN_STANDARD 0x20

static unsigned refused;
static bool by_smc;

static uint64_t call(uint64_t function, uint64_t a) {
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = check_random();
    register uint64_t x3 __asm__("x3") = check_random();
    if (by_smc)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    else
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0;
}

static void refuse(uint64_t function) {
    const int32_t answer = (int32_t)call(function, check_random());
    check(answer == NOT_SUPPORTED, "function 0x%lx gave %d", function, answer);
    refused++;
}

static bool has_meaning(uint32_t function) {
    const uint32_t owner = function >> 24 & 0x3f, number = function & 0xffff;
    return (owner == OWNER_ARCHITECTURE && number < KNOWN_ARCHITECTURE) ||
           (owner == OWNER_STANDARD && number < KNOWN_STANDARD);
}

static void unknown_functions(void) {
    for (uint32_t owner = 0; owner < OWNERS; owner++) {
        static const uint32_t numbers[] = {KNOWN_STANDARD, 0x50,   0x7fff, 0x8000,
                                           0xff00,         0xff01, 0xff03, 0xffff};
        for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            refuse(FAST | OWNER(owner) | numbers[i]);
            refuse(FAST | WIDE | OWNER(owner) | numbers[i]);
            refuse(OWNER(owner) | numbers[i]); // a yielding call
        }
    }
    for (unsigned i = 0; i < RANDOM_CALLS; i++) {
        const uint64_t function = check_random();
        if (!has_meaning((uint32_t)function))
            refuse(function);
    }
}

// The instructions' own numbers are nobody's: 0 is what a call has (DEN 0028, 2.9). What others do
// is not said; the guest goes on.
static void other_numbers(void) {
    static uint32_t instruction[32];
    for (unsigned i = 0; i < 16; i++) {
        instruction[i] = 0xd4000002u | 1u << (5 + i);      // HVC
        instruction[16 + i] = 0xd4000003u | 1u << (5 + i); // SMC
    }
    code_write(instruction, 32);
    for (unsigned i = 0; i < 32; i++) {
        const struct code_trap trap = code_run(i);
        check(trap.count == 0 || ESR_CLASS(trap.syndrome) == ESR_UNKNOWN,
              "instruction 0x%x: ESR 0x%lx", instruction[i], trap.syndrome);
    }
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    for (unsigned smc = 0; smc < 2; smc++) {
        by_smc = smc == 1;
        unknown_functions();
    }
    other_numbers();
    const uint64_t version = call(PSCI_VERSION, 0);
    check(version >> 16 == 1, "afterwards PSCI_VERSION gave 0x%lx", version);
    const bool passed = check_end("unknown_calls");
    print("unknown_calls: %u calls refused\n", refused);
    return passed;
}
