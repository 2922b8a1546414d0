// The first instructions: OpenSBI enters here in HS-mode, translation off, a0 the hart's number,
// a1 the device tree's address. The image is linked where it will run, in the upper half.
    .section .text.start, "ax"
    .global _start
_start:
    csrw sie, zero
    rdinstret s2                // for the boot figure of the bench
    mv s0, a0
    mv s1, a1
    lla sp, boot_bundle         // the stack grows down from below the bundle
    call boot_map               // returns satp
    // Translation comes on behind the csrw: the fetch of the next instruction, at its physical
    // address, faults, and the fault's vector is where it would be.
    ld t0, high_address
    csrw stvec, t0
    sfence.vma
    csrw satp, a0
    nop
    .balign 8
high_address:
    .dword high
    .balign 4
high:
    ld t0, vector_address
    csrw stvec, t0
    ld sp, stack_address
    mv a0, s0
    mv a1, s1
    mv a2, s2
    call boot_riscv64
    j vector_leave
    .balign 8
vector_address:
    .dword vector
stack_address:
    .dword boot_bundle
