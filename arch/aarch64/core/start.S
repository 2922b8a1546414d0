// The first instructions, at EL2, translation off. QEMU enters an ELF file with all registers 0 and
// the machine's device tree at the beginning of RAM. The image is linked where it will run, in the
// upper half.
    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    adrp x19, boot_bundle
    mov sp, x19                 // the stack grows down from below the bundle
    bl boot_check               // returns where the core can run at all
    bl boot_map                 // returns the two roots
    bl boot_translate
    // Translation is on, and this is still the physical address: TTBR0_EL2 maps the image there, too.
    ldr x1, =high
    br x1
high:
    msr pan, #1                 // as in vector.S, trap
    ldr x0, =boot_bundle
    mov sp, x0
    ldr x1, =vector
    msr vbar_el2, x1
    isb
    bl boot_aarch64
    b vector_leave
    .ltorg
