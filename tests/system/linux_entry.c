// A flat image that stands in a kernel's place, prints the time CSR at its first instruction, in
// ticks, and shuts down: what part of a kernel's time passed before the kernel.
//
// Legacy console (SBI 2.0, chapter 5.2), which every firmware and every hypervisor still has, and
// System Reset (chapter 10).

enum {
    SBI_LEGACY_CONSOLE_PUTCHAR = 0x01,
    SBI_SRST = 0x53525354,
    SBI_SRST_RESET = 0,
    SRST_SHUTDOWN = 0,
    SRST_NO_REASON = 0,
    STACK_SIZE = 1024,
};

char entry_stack[STACK_SIZE] __attribute__((aligned(16)));

void _start(void);
void entry_main(unsigned long ticks);

// First in the file and therefore first in the image: that is where it is entered.
__attribute__((naked)) void _start(void) {
    __asm__ volatile("rdtime a0\n"
                     "la sp, entry_stack + %0\n"
                     "j entry_main\n" ::"i"(STACK_SIZE));
}

static void sbi_call(long extension, long function, long argument0, long argument1) {
    register long a7 __asm__("a7") = extension;
    register long a6 __asm__("a6") = function;
    register long a0 __asm__("a0") = argument0;
    register long a1 __asm__("a1") = argument1;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
}

static void print(const char *text) {
    while (*text != '\0')
        sbi_call(SBI_LEGACY_CONSOLE_PUTCHAR, 0, *text++, 0);
}

void entry_main(unsigned long ticks) {
    char text[32];
    unsigned at = sizeof(text);
    text[--at] = '\0';
    do {
        text[--at] = (char)('0' + ticks % 10);
        ticks /= 10;
    } while (ticks != 0);
    print("\nentry: counter ");
    print(&text[at]);
    print("\n");
    sbi_call(SBI_SRST, SBI_SRST_RESET, SRST_SHUTDOWN, SRST_NO_REASON);
    for (;;)
        __asm__ volatile("wfi");
}
