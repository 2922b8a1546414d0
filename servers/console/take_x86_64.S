// void console_take(volatile uint8_t *data, volatile uint64_t *input, uint64_t rest); see take.h.
// DATA stands for a port (arch/ports.h).
    .section .text.console_take, "ax"
    .global console_take, console_take_loaded, console_take_kept
    .type console_take, @function
console_take:
    mov %rdx, %r8
    shr $9, %rdi                // a page has eight ports, and the pages' begin is 0 here
    movzwl %di, %edx
    in %dx, %al                 // this takes it from the UART: the core does it, with what is behind it
console_take_loaded:
    movzbl %al, %eax
    or %r8, %rax
    mov %rax, (%rsi)
console_take_kept:
    ret
    .size console_take, . - console_take
