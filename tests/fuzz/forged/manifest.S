// The manifest as dtc compiles it, as bytes of the test program.
    .section .rodata
    .balign 8
    .globl forged_manifest
forged_manifest:
    .incbin "forged.dtb"
    .globl forged_manifest_end
forged_manifest_end:

    .section .note.GNU-stack, "", %progbits
