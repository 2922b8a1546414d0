// void console_take(volatile uint8_t *data, volatile uint64_t *input, uint64_t rest); see take.h.
    .section .text.console_take, "ax"
    .global console_take, console_take_loaded, console_take_kept
    .type console_take, @function
console_take:
    ldrb w0, [x0]               // this takes it from the UART
console_take_loaded:
    orr x0, x0, x2
    str x0, [x1]
console_take_kept:
    ret
    .size console_take, . - console_take
