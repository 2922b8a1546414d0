// Stands before a kernel whose way to its init is timed: prints the machine's counter at its own
// first instruction, in ticks, takes the seed for random numbers out of the device tree, and goes
// on into the kernel. With a seed a kernel does much less for each random number; only QEMU and our
// init give one, and QEMU cannot be asked not to. linux_ARCH.h is included by the command line.

enum {
    STACK_SIZE = 1024,
    // Of a device tree's header, each four bytes, big-endian (Devicetree Specification 0.4, 5.2).
    TREE_OFFSET_OF_STRINGS = 12,
    TREE_SIZE_OF_STRINGS = 32,
};

char entry_stack[STACK_SIZE] __attribute__((aligned(16)));

void _start(void);
void entry_main(unsigned long ticks, unsigned char *tree);

// First in the file and therefore first in the image: that is where it is entered. The kernel lies
// KERNEL_OFFSET bytes behind; both together have IMAGE_SIZE.
__attribute__((naked)) void _start(void) {
    __asm__ volatile(ENTRY_START ::"i"(KERNEL_OFFSET), "i"(IMAGE_SIZE), "i"(STACK_SIZE));
}

static void print(const char *text) {
    while (*text != '\0')
        put(*text++);
}

static unsigned long number(const unsigned char *at) {
    return (unsigned long)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

// A property of another name means nothing to the kernel.
static void rename(unsigned char *tree, const char *name, unsigned size) {
    unsigned char *at = tree + number(tree + TREE_OFFSET_OF_STRINGS);
    const unsigned char *end = at + number(tree + TREE_SIZE_OF_STRINGS);
    for (; at + size <= end; at++) {
        unsigned same = 0;
        while (same < size && at[same] == (unsigned char)name[same])
            same++;
        if (same == size)
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
    rename(tree, "rng-seed", sizeof("rng-seed"));
    rename(tree, "kaslr-seed", sizeof("kaslr-seed")); // and no place of the kernel's own choice
}
