#include "tests/system/guests/aarch64/code.h"

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/bare.h"

#define LINE 16 // a cache line is not shorter (CTR_EL0)

static _Alignas(4096) uint32_t code[2 * CODE_AT_ONCE];
static _Alignas(4096) uint64_t scratch[512];
static bool armed;
static struct code_trap trapped;

uint64_t bare_trap(const struct bare_trap *trap) {
    if (!armed) {
        print("FAILED: unexpected trap, kind %lu, ESR 0x%lx, FAR 0x%lx, ELR 0x%lx\n", trap->kind,
              trap->syndrome, trap->address, trap->pc);
        guest_end(true);
    }
    trapped.count++;
    trapped.syndrome = trap->syndrome;
    return trap->pc + 4;
}

void code_write(const uint32_t *instruction, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        code[2 * i] = instruction[i];
        code[2 * i + 1] = CODE_RET;
    }
    for (uint64_t at = (uint64_t)code; at < (uint64_t)(code + 2 * (uint64_t)count); at += LINE)
        __asm__ volatile("dc cvau, %0\n"
                         "dsb ish\n"
                         "ic ivau, %0\n" ::"r"(at)
                         : "memory");
    __asm__ volatile("dsb ish\n"
                     "isb\n" ::
                         : "memory");
}

uint64_t code_place(unsigned which) { return (uint64_t)&code[2 * which]; }

struct code_trap code_run(unsigned which) {
    trapped = (struct code_trap){0};
    armed = true;
    register uint64_t x0 __asm__("x0") = (uint64_t)scratch;
    __asm__ volatile("mov x1, %[scratch]\n"
                     "mov x2, %[scratch]\n"
                     "mov x3, %[scratch]\n"
                     "blr %[code]\n"
                     : "+r"(x0)
                     : [scratch] "r"(scratch), [code] "r"(code_place(which))
                     : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
                       "x13", "x14", "x15", "x16", "x17", "x30", "cc", "memory");
    armed = false;
    trapped.value = x0;
    return trapped;
}
