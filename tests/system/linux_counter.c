// Prints the machine's counter as a program in the Linux guest reads it, in ticks. The kernel's own
// clock starts only when its timer driver does; the difference is the early boot. linux_ARCH.h is
// included by the command line.

enum {
    LINUX_WRITE = 64,
    LINUX_EXIT = 93,
    STDOUT = 1,
    DIGITS = 20, // of 2^64
};

void _start(void);
void _start(void) {
    unsigned long ticks = counter();

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
