// All floating-point registers, to memory and back (struct fp_regs).
#include "offsets.h"

.macro for_all op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op q\n, [x0, #\n * 16]
    .endr
    add x0, x0, #fp_regs__fpcr
.endm

    .section .text
    .global fp_save
fp_save:
    for_all str
    mrs x1, fpcr
    mrs x2, fpsr
    stp x1, x2, [x0]
    ret

    .global fp_restore
fp_restore:
    for_all ldr
    ldp x1, x2, [x0]
    msr fpcr, x1
    msr fpsr, x2
    ret
