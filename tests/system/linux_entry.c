// Stands before a kernel whose way to its init is timed: prints the time CSR at its own first
// instruction, in ticks, takes the seed for random numbers out of the device tree, and goes on into
// the kernel. With a seed a kernel does much less for each random number; only QEMU gives one, and
// it cannot be asked not to.
//
// Legacy console (SBI 2.0, chapter 5.2), which every firmware and every hypervisor still has.

enum {
    SBI_LEGACY_CONSOLE_PUTCHAR = 0x01,
    STACK_SIZE = 1024,
    // Of a device tree's header, each four bytes, big-endian (Devicetree Specification 0.4, 5.2).
    TREE_OFFSET_OF_STRINGS = 12,
    TREE_SIZE_OF_STRINGS = 32,
};

char entry_stack[STACK_SIZE] __attribute__((aligned(16)));

void _start(void);
void entry_main(unsigned long ticks, unsigned char *tree);

// First in the file and therefore first in the image: that is where it is entered, with the hart's
// number in a0 and the device tree's address in a1. KERNEL is where the kernel lies.
__attribute__((naked)) void _start(void) {
    __asm__ volatile("mv s0, a0\n"
                     "mv s1, a1\n"
                     "rdtime a0\n"
                     "la sp, entry_stack + %0\n"
                     "call entry_main\n"
                     "mv a0, s0\n"
                     "mv a1, s1\n"
                     "li t0, %1\n"
                     "jr t0\n" ::"i"(STACK_SIZE),
                     "i"(KERNEL));
}

static void put(long character) {
    register long a7 __asm__("a7") = SBI_LEGACY_CONSOLE_PUTCHAR;
    register long a0 __asm__("a0") = character;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "a1", "memory");
}

static void print(const char *text) {
    while (*text != '\0')
        put(*text++);
}

static unsigned long number(const unsigned char *at) {
    return (unsigned long)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

// A property of another name means nothing to the kernel.
static void rename_seed(unsigned char *tree) {
    static const char name[] = "rng-seed";
    unsigned char *at = tree + number(tree + TREE_OFFSET_OF_STRINGS);
    const unsigned char *end = at + number(tree + TREE_SIZE_OF_STRINGS);
    for (; at + sizeof(name) <= end; at++) {
        unsigned same = 0;
        while (same < sizeof(name) && at[same] == (unsigned char)name[same])
            same++;
        if (same == sizeof(name))
            at[0] = '-';
    }
}

void entry_main(unsigned long ticks, unsigned char *tree) {
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
    rename_seed(tree);
}
