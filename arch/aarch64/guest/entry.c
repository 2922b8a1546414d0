// The first instructions of every guest: from whatever the loader left to C on a stack, at EL1 and
// without paging.
//
// Everything runs where it was loaded: -mcmodel=small makes every address relative to pc.
#include "arch/aarch64/guest/entry.h"

#include "arch/aarch64/guest/sysreg.h"

static _Alignas(16) __attribute__((used)) unsigned char stack[ENTRY_STACK_SIZE];

// From EL2, where a machine with virtualization starts its kernels, down to EL1: nothing of EL1's
// is trapped, and its counters and its interrupt controller's registers are its own.
static __attribute__((naked, used)) void leave_el2(void) {
    __asm__ volatile("mov x1, %[hcr]\n"
                     "msr hcr_el2, x1\n"
                     "mov x1, %[cnthctl]\n"
                     "msr cnthctl_el2, x1\n"
                     "msr cntvoff_el2, xzr\n"
                     "mov x1, %[cptr]\n"
                     "msr cptr_el2, x1\n"
                     "msr hstr_el2, xzr\n"
                     "mrs x1, midr_el1\n"
                     "msr vpidr_el2, x1\n"
                     "mrs x1, mpidr_el1\n"
                     "msr vmpidr_el2, x1\n"
                     "mrs x1, id_aa64pfr0_el1\n"
                     "ubfx x1, x1, #24, #4\n" // GIC: system registers are there
                     "cbz x1, 1f\n"
                     "mrs x1, icc_sre_el2\n"
                     "mov x2, %[sre]\n"
                     "orr x1, x1, x2\n"
                     "msr icc_sre_el2, x1\n"
                     "isb\n"
                     "1: mov x1, %[spsr]\n"
                     "msr spsr_el2, x1\n"
                     "msr elr_el2, x30\n"
                     "eret\n" ::[hcr] "i"(HCR_RW),
                     [cnthctl] "i"(CNTHCTL_EL1_MAY), [cptr] "i"(CPTR_EL2_RES1),
                     [sre] "i"(ICC_SRE_EL2_ENABLE), [spsr] "i"(SPSR_ALL_MASKED | SPSR_EL1H));
}

uint64_t entry_counter;

// Entered with x0 = device tree, kept in x19 meanwhile; x20 keeps the counter.
__attribute__((naked, used)) void _start(void) {
    __asm__ volatile("mrs x20, cntvct_el0\n"
                     "mov x19, x0\n"
                     "msr daifset, #0xf\n"
                     "mov x1, %[sctlr_low]\n"
                     "movk x1, %[sctlr_high], lsl #16\n"
                     "msr sctlr_el1, x1\n"
                     "isb\n"
                     "mrs x1, CurrentEL\n"
                     "cmp x1, %[el2]\n"
                     "b.ne 1f\n"
                     "bl %[leave]\n"
                     "1: msr spsel, #1\n"
                     "adrp x1, %[stack] + %[stack_size]\n"
                     "add x1, x1, :lo12:%[stack] + %[stack_size]\n"
                     "mov sp, x1\n"
                     "adrp x1, image_bss\n"
                     "add x1, x1, :lo12:image_bss\n"
                     "adrp x2, image_bss_end\n"
                     "add x2, x2, :lo12:image_bss_end\n"
                     "2: cmp x1, x2\n"
                     "b.hs 3f\n"
                     "str xzr, [x1], #8\n"
                     "b 2b\n"
                     "3: adrp x1, %[counter]\n"
                     "str x20, [x1, :lo12:%[counter]]\n"
                     "mov x20, xzr\n" // else it would end on the stack of a guest without times
                     "mov x0, x19\n"
                     "b %[begin]\n" ::[sctlr_low] "i"(SCTLR_RES1 & 0xffff),
                     [sctlr_high] "i"(SCTLR_RES1 >> 16), [el2] "i"(CURRENT_EL2),
                     [leave] "i"(leave_el2), [stack] "i"(stack), [stack_size] "i"(ENTRY_STACK_SIZE),
                     [counter] "i"(&entry_counter), [begin] "i"(entry_begin));
}

// The first 64 bytes of the image, as Linux's loaders want them (Linux,
// Documentation/arch/arm64/booting.rst, chapter 4): how far from a multiple of 2 MiB it belongs,
// and how much room it needs. QEMU loads a file without them to another place.
__attribute__((naked, used, section(".boot"))) void image_header(void) {
    __asm__ volatile("b _start\n"
                     ".word 0\n"
                     ".quad IMAGE_OFFSET, IMAGE_SIZE\n"
                     ".quad 2\n" // little-endian, 4 KiB pages
                     ".quad 0, 0, 0\n"
                     ".ascii \"ARM\\x64\"\n"
                     ".word 0\n");
}
