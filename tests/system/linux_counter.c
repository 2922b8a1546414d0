// Prints the time CSR: the machine's counter as a program in the Linux guest reads it, in ticks.
// The kernel's own clock starts only when its timer driver does; the difference is the early boot.

enum {
    LINUX_WRITE = 64,
    LINUX_EXIT = 93,
    STDOUT = 1,
    DIGITS = 20, // of 2^64
};

static long linux_call(long number, long argument0, long argument1, long argument2) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = argument0;
    register long a1 __asm__("a1") = argument1;
    register long a2 __asm__("a2") = argument2;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

void _start(void);
void _start(void) {
    unsigned long ticks;
    __asm__ volatile("rdtime %0" : "=r"(ticks));

    char text[DIGITS + 1];
    unsigned at = sizeof(text);
    text[--at] = '\n';
    do {
        text[--at] = (char)('0' + ticks % 10);
        ticks /= 10;
    } while (ticks != 0);
    long wrote = linux_call(LINUX_WRITE, STDOUT, (long)&text[at], (long)(sizeof(text) - at));
    linux_call(LINUX_EXIT, wrote < 0, 0, 0);
}
