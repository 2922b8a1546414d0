// Executes everything at EL0, in both of its instruction sets: every access of a system register,
// of the coprocessors that were there before, and every instruction that is above a user. Each must
// come back to the guest's own kernel, which goes on.
//   case=a64 (the default), case=a32
//   case=t32: instructions of 16 bits that exit, and are gone on behind; and those in IT blocks
//   case=a32-device, case=t32-device: AArch32 loads several registers from a device at once, of
//   which hardware says nothing but the address; in T32 from a place where no A64 instruction can
//   be. The hypervisor must stop this VM with a report.
#include <stddef.h>

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/code.h"
#include "tests/system/guests/check.h"

// SPSR_EL1 for EL0 (Arm DDI 0487, C5.2.19): AArch32 is mode 0x10.
#define SPSR_A64 (SPSR_ALL_MASKED | SPSR_EL0)
#define SPSR_A32 (UINT64_C(0x1d0))

#define SPSR_T32 (SPSR_A32 | UINT64_C(1) << 5)
#define SCTLR_NTWI (UINT64_C(1) << 16) // a user may wait for interrupts
#define GICD_TYPER 4

#define A64_SVC 0xd4000001u
#define A32_SVC 0xef000000u
#define ESR_SVC_A32 0x11
// A trap of a user's goes to its kernel by one of these classes (DDI 0487, D19.2.37).
#define CLASSES_A64                                                                                \
    (UINT64_C(1) << ESR_UNKNOWN | UINT64_C(1) << ESR_WAIT | UINT64_C(1) << ESR_SIMD_TRAPPED |      \
     UINT64_C(1) << ESR_SYSREG | UINT64_C(1) << ESR_BRK | UINT64_C(1) << ESR_DATA_LOWER)
// Those of CP15, CP14, LDC, CP10 and their pairs besides, and BKPT.
#define CLASSES_A32                                                                                \
    (CLASSES_A64 | UINT64_C(0x1178) | UINT64_C(1) << 0x38 | UINT64_C(1) << ESR_SIMD_TRAPPED)

extern char user_vector[];
uint64_t user_x3; // of the user, when it came back

// Enters EL0 at `pc` with `status` and comes back with the next exception: its syndrome.
uint64_t user_run(uint64_t pc, uint64_t status, uint64_t x0);

__attribute__((naked, used)) static void user_code(void) {
    __asm__ volatile(".globl user_run\n"
                     "user_run:\n"
                     "stp x19, x20, [sp, #-96]!\n"
                     "stp x21, x22, [sp, #16]\n"
                     "stp x23, x24, [sp, #32]\n"
                     "stp x25, x26, [sp, #48]\n"
                     "stp x27, x28, [sp, #64]\n"
                     "stp x29, x30, [sp, #80]\n"
                     "msr elr_el1, x0\n"
                     "msr spsr_el1, x1\n"
                     "mov x0, x2\n"
                     "mov x1, x2\n"
                     "eret\n"
                     "user_back:\n"
                     "mrs x0, esr_el1\n"
                     "adrp x1, user_x3\n"
                     "str x3, [x1, :lo12:user_x3]\n"
                     "ldp x21, x22, [sp, #16]\n"
                     "ldp x23, x24, [sp, #32]\n"
                     "ldp x25, x26, [sp, #48]\n"
                     "ldp x27, x28, [sp, #64]\n"
                     "ldp x29, x30, [sp, #80]\n"
                     "ldp x19, x20, [sp], #96\n"
                     "ret\n"
                     "user_own:\n"
                     "mov x0, #1\n"
                     "b guest_end\n"
                     ".balign 2048\n"
                     ".globl user_vector\n"
                     "user_vector:\n"
                     ".irp part, 0, 1\n"
                     ".rept 4\n"
                     ".balign 0x80\n"
                     "b user_own\n" // of the kernel itself
                     ".endr\n"
                     ".endr\n"
                     ".irp part, 2, 3\n"
                     ".rept 4\n"
                     ".balign 0x80\n"
                     "b user_back\n"
                     ".endr\n"
                     ".endr\n");
}

static _Alignas(4096) uint64_t memory[512];
static uint32_t instruction[CODE_AT_ONCE];
static unsigned written, came_back;

static void code_done(void) {
    __asm__ volatile("dsb ish\n"
                     "ic iallu\n"
                     "dsb ish\n"
                     "isb\n" ::
                         : "memory");
}

// Executes what was collected. Each instruction is followed by SVC, should it do nothing.
static void run_all(uint64_t status, uint64_t allowed) {
    const bool a32 = status == SPSR_A32;
    uint32_t *const code = (uint32_t *)code_place(0);
    code_write(instruction, written);
    for (unsigned i = 0; i < written; i++)
        code[2 * i + 1] = a32 ? A32_SVC : A64_SVC;
    code_done();
    for (unsigned i = 0; i < written; i++) {
        const uint64_t syndrome = user_run(code_place(i), status, (uint64_t)memory);
        const uint64_t class = ESR_CLASS(syndrome);
        const bool through = class == (a32 ? ESR_SVC_A32 : ESR_SVC);
        check(through || (allowed >> class & 1), "0x%x came back with ESR 0x%lx", instruction[i],
              syndrome);
        came_back += !through;
    }
    written = 0;
}

static void add(uint32_t code, uint64_t status, uint64_t allowed) {
    instruction[written++] = code;
    if (written == CODE_AT_ONCE)
        run_all(status, allowed);
}

static const uint32_t a64_others[] = {
    0xd4000002, 0xd4000003, 0xd4001002, 0xd4600003,             // hvc, smc
    0xd69f03e0, 0xd6bf03e0, 0xd4a00001, 0xd4a00002, 0xd4a00003, // eret, drps, dcps
    0xd4200000, 0xd503207f, 0xd503205f, 0xd50320ff,             // brk, wfi, wfe, a hint
    0xd50342df, 0xd50347df, 0xd500401f,                         // daifset, daifclr, cfinv
    0x00000000, 0xffffffff, 0x04a0e3e0, 0x9e670000,             // udf, all ones, SVE, fmov
};

static void try_a64(void) {
    for (unsigned i = 0; i < sizeof(a64_others) / sizeof(a64_others[0]); i++)
        add(a64_others[i], SPSR_A64, CLASSES_A64);
    for (uint32_t i = 0; i < 1u << 17; i++) {
        // op0 1 to 3, op1, CRn, CRm, op2, and whether it reads.
        const unsigned op0 = (i >> 14 & 3) == 0 ? 1 : i >> 14 & 3;
        add(CODE_SYSTEM(i >> 16, op0, i >> 11 & 7, i >> 7 & 15, i >> 3 & 15, i & 7), SPSR_A64,
            CLASSES_A64);
    }
    run_all(SPSR_A64, CLASSES_A64);
}

static const uint32_t a32_others[] = {
    0xe1400070, 0xe1600070, 0xe1200070, 0xe7f000f0, // hvc, smc, bkpt, udf
    0xe320f003, 0xe320f002, 0xe320f000, 0xe160006e, // wfi, wfe, nop, eret
    0xe321f0d3, 0xe10f0000, 0xf1020013, 0xf57ff06f, // msr cpsr_c, mrs, cps, isb
    0xe8dd8000, 0xf8bd0a00, 0xf96d0513, 0xeef00a10, // ldm with ^, rfe, srs, vmrs
};

// MRC and MCR, MRRC and MCRR, LDC and STC of coprocessors 14 and 15.
static void try_a32(void) {
    for (unsigned i = 0; i < sizeof(a32_others) / sizeof(a32_others[0]); i++)
        add(a32_others[i], SPSR_A32, CLASSES_A32);
    for (uint32_t i = 0; i < 1u << 16; i++) {
        const uint32_t fields = (i >> 11 & 7) << 21 | (i >> 7 & 15) << 16 | (i & 15) |
                                (i >> 4 & 7) << 5 | (i >> 14 & 1) << 20 | (14 + (i >> 15)) << 8;
        add(0xee002010u | fields, SPSR_A32, CLASSES_A32);
    }
    for (uint32_t i = 0; i < 1u << 10; i++) {
        add(0xec432000u | (i & 15) | (i >> 4 & 15) << 4 | (i >> 8 & 1) << 20 | (14 + (i >> 9)) << 8,
            SPSR_A32, CLASSES_A32);
        add(0xed802000u | (i & 15) << 12 | (i >> 8 & 1) << 20 | (14 + (i >> 9)) << 8, SPSR_A32,
            CLASSES_A32);
    }
    run_all(SPSR_A32, CLASSES_A32);
}

// Executes `words`, which end with SVC, with r0 = GICD_TYPER's address: r3 must be `times` its
// value and `more`.
static void run_t32(const uint32_t *words, unsigned count, uint32_t times, uint32_t more) {
    struct machine_range distributor;
    check(machine_device(bare_machine(), "arm,gic-v3", 0, &distributor), "there is no GICv3");
    const uint64_t typer = distributor.base + GICD_TYPER;
    const uint32_t expected = times * *(volatile uint32_t *)typer + more;
    for (unsigned i = 0; i < count; i++)
        ((uint32_t *)code_place(0))[i] = words[i];
    code_done();
    const uint64_t syndrome = user_run(code_place(0), SPSR_T32, typer);
    check(ESR_CLASS(syndrome) == ESR_SVC_A32, "it came back with ESR 0x%lx", syndrome);
    check((uint32_t)user_x3 == expected, "r3 is 0x%lx, not 0x%x", user_x3, expected);
}

// Loads, stores and waits of 16 bits each: what stands behind them must be done, too, be they
// answered in a short way or in a long one.
static const uint32_t t32_plain[] = {
    0x33016803, // ldr r3, [r0]; adds r3, #1
    0x6803461a, // mov r2, r3; ldr r3, [r0]
    0x60033301, // adds r3, #1; str r3, [r0], which changes nothing there
    0xbf303301, // adds r3, #1; wfi
    0x189b3301, // adds r3, #1; adds r3, r2
    0xbf00df00, // svc; nop
};

// In an IT block, which of the following are done says how far it is. (No wait for interrupts: QEMU
// has ended that one's step before it traps, which no CPU does.)
static const uint32_t t32_blocks[] = {
    0xbf064280, // cmp r0, r0; itte eq
    0x33016803, // ldreq r3, [r0]; addeq r3, #1
    0x33023310, // addne r3, #16; adds r3, #2
    0xbf0c4280, // cmp r0, r0; ite eq
    0x2000f8d0, // ldreq.w r2, [r0]
    0x189b3310, // addne r3, #16; adds r3, r2
    0xbf064280, // cmp r0, r0; itte eq
    0x33016003, // streq r3, [r0]; addeq r3, #1
    0xf2403310, // addne r3, #16
    0xf2c40400, // movw r4, #0
    0xbf0604c0, // movt r4, #0x40c0; itte eq
    0x33016822, // ldreq r2, [r4], done when the page is there; addeq r3, #1
    0xbf043310, // addne r3, #16; itt eq
    0x68023301, // addeq r3, #1; ldreq r2, [r0]
    0xbf083302, // adds r3, #2, with the flags, being in no block; it eq
    0xdf003320, // addeq r3, #32; svc
};

static void try_t32(void) {
    // The user may wait, and need not wait long: the timer has expired.
    sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) | SCTLR_NTWI);
    sysreg_write(cntv_cval_el0, 0);
    sysreg_write(cntv_ctl_el0, 1);
    run_t32(t32_plain, sizeof(t32_plain) / sizeof(t32_plain[0]), 2, 4);
    run_t32(t32_blocks, sizeof(t32_blocks) / sizeof(t32_blocks[0]), 2, 8);
}

// Executes CODE at EL0, with STATUS and the address of a device in x0.
static void load_device(const uint32_t *code, unsigned words, uint64_t status) {
    struct machine_range distributor;
    check(machine_device(bare_machine(), "arm,gic-v3", 0, &distributor), "there is no GICv3");
    for (unsigned i = 0; i < words; i++)
        ((uint32_t *)code_place(0))[i] = code[i];
    code_done();
    print("user_mode: going to load from %p\n", (const void *)distributor.base);
    const uint64_t syndrome = user_run(code_place(0), status, distributor.base);
    check(false, "it came back with ESR 0x%lx", syndrome);
}

// Loads of several registers that in A64 would be loads of one byte.
static void load_device_a32(void) {
    static const uint32_t code[] = {0x38900006, A32_SVC}; // ldmlo r0, {r1, r2}
    load_device(code, sizeof(code) / sizeof(code[0]), SPSR_A32);
}

static void load_device_t32(void) {
    static const uint32_t code[] = {
        0xc806bf00, // nop; ldm r0!, {r1, r2}
        0xdf003840, // subs r0, #64; svc
    };
    load_device(code, sizeof(code) / sizeof(code[0]), SPSR_T32);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    __asm__ volatile("" ::"r"(&user_code));
    sysreg_write(vbar_el1, user_vector);
    sysreg_write(cpacr_el1, CPACR_FPEN);
    sysreg_sync();
    if (check_case(machine, "a64", true))
        try_a64();
    else if (check_case(machine, "a32", false))
        try_a32();
    else if (check_case(machine, "t32", false))
        try_t32();
    else if (check_case(machine, "a32-device", false))
        load_device_a32();
    else if (check_case(machine, "t32-device", false))
        load_device_t32();
    print("user_mode: %u traps\n", came_back);
    return check_end("user_mode");
}
