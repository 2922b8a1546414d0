// The build puts the programs' folder on the include path.
    .section .rodata.programs, "a"

    .macro program name, file
    .balign 8
    .globl program_\name
program_\name:
    .incbin "\file"
    .globl program_\name\()_end
program_\name\()_end:
    .endm

    program init, "user_init.elf"
    program fault, "user_fault.elf"
