#include "arch/x86_64/guest/segments.h"

#include <stdbool.h>

#include "arch/x86_64/guest/x86.h"

_Static_assert(sizeof(struct segments_tss) == 104, "APM volume 2, figure 12-8");

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, unused;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

// What the processor must always be able to push to, whatever the stack pointer is: for double
// faults, which are how a kernel stack ends, and for what no flag holds off.
#define SAFE_STACK_SIZE 2048
#define SAFE_STACK 1

#define GATE_INTERRUPT 0x8e
#define GATE_FOR_USER 0x60
#define TSS_AVAILABLE UINT64_C(0x89)

static _Alignas(16) unsigned char safe_stack[SAFE_STACK_SIZE];
// Beyond its limit, no port is user mode's.
struct segments_tss segments_tss = {.io_map = sizeof(struct segments_tss)};
static struct gate gates[VECTOR_COUNT];

// Null, the kernel's code and data, the user's data and code, all with their accessed bits set, and
// the TSS.
enum { TSS_SLOT = 5 };
static uint64_t descriptors[TSS_SLOT + 2] = {
    0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
};

static void set_tss(void) {
    const uint64_t base = (uint64_t)&segments_tss;
    descriptors[TSS_SLOT] = (sizeof(segments_tss) - 1) | (base & 0xffffff) << 16 |
                            TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
    descriptors[TSS_SLOT + 1] = base >> 32;
    segments_tss.ist[SAFE_STACK - 1] = (uint64_t)safe_stack + SAFE_STACK_SIZE;
}

static void set_gate(unsigned vector, uint64_t code, unsigned ist, unsigned type) {
    gates[vector] = (struct gate){
        .offset_low = (uint16_t)code,
        .selector = SEGMENT_KERNEL_CODE,
        .ist = (uint8_t)ist,
        .type = (uint8_t)type,
        .offset_middle = (uint16_t)(code >> 16),
        .offset_high = (uint32_t)(code >> 32),
    };
}

static void set_gates(const char *stubs, unsigned stub_size) {
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        const bool safe =
            vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK;
        const unsigned user = vector == VECTOR_BREAKPOINT ? GATE_FOR_USER : 0;
        set_gate(vector, (uint64_t)stubs + vector * (uint64_t)stub_size, safe ? SAFE_STACK : 0,
                 GATE_INTERRUPT | user);
    }
}

// SYSCALL enters with interrupts off, and without what a user's flags would do to the kernel.
static void set_syscall(void (*syscall)(void)) {
    x86_write_msr(MSR_STAR,
                  (uint64_t)(SEGMENT_USER_DATA - 8) << 48 | (uint64_t)SEGMENT_KERNEL_CODE << 32);
    x86_write_msr(MSR_LSTAR, (uint64_t)syscall);
    x86_write_msr(MSR_SFMASK, FLAGS_TRAP | FLAGS_INTERRUPTS | FLAGS_DIRECTION | FLAGS_IO_LEVEL |
                                  FLAGS_NESTED | FLAGS_RESUME | FLAGS_ALIGNMENT);
}

void segments_init(const char *stubs, unsigned stub_size, void (*syscall)(void)) {
    set_tss();
    set_gates(stubs, stub_size);
    set_syscall(syscall);
    const struct table_pointer segments = {sizeof(descriptors) - 1, (uint64_t)descriptors};
    const struct table_pointer traps = {sizeof(gates) - 1, (uint64_t)gates};
    __asm__ volatile("lgdt %0\n"
                     "lidt %1\n"
                     "ltr %w2\n" ::"m"(segments),
                     "m"(traps), "r"(TSS_SLOT * 8)
                     : "memory");
}
