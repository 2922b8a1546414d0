// Control and debug registers, and instructions that the hypervisor goes on behind, with prefixes,
// in code of 64, 32 and 16 bits.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/x86_64/try.h"

#define VECTOR_PROTECTION 13
#define VECTOR_OWN 0x41
#define X2APIC(number) (MSR_X2APIC + (number))
#define SPURIOUS 0x0f
#define TPR 0x08
#define END 0x0b
#define COMMAND 0x30
#define SELF (1u << 18)
#define DR6_STEP (1u << 14)
#define PATCH_LEVEL 0x8b

static volatile uint64_t steps, stepped[64], interrupts, breakpoints;

static uint64_t read_dr6(void) {
    uint64_t value;
    __asm__ volatile("mov %%db6, %0" : "=r"(value));
    return value;
}

void bare_trap(struct trap_frame *frame) {
    if (frame->vector == VECTOR_OWN) {
        interrupts++;
        x86_write_msr(X2APIC(END), 0);
    } else if (frame->vector == VECTOR_DEBUG) {
        if (read_dr6() & DR6_STEP)
            stepped[steps++ % 64] = frame->rip;
        if (read_dr6() & 1) {
            breakpoints++;
            frame->rflags |= FLAGS_RESUME;
        }
        __asm__ volatile("mov %0, %%db6" ::"r"(UINT64_C(0xffff0ff0)));
    } else if (!try_take(frame)) {
        try_unexpected(frame);
    }
}

static void cr4(void) {
    const uint64_t before = x86_read_cr(4);
    static const unsigned forbidden[] = {0, 1, 6, 11, 12, 13, 14, 17, 18, 22, 23, 24, 25, 31, 32};
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        try_expect(TRY(3, "mov %0, %%cr4", "a"(before | UINT64_C(1) << forbidden[i])),
                   VECTOR_PROTECTION, "CR4, a bit that is not there");
        check(x86_read_cr(4) == before, "and it is what it was: 0x%lx", x86_read_cr(4));
    }
    try_expect(TRY(3, "mov %0, %%cr4", "a"(before & ~(uint64_t)CR4_PAE)), VECTOR_PROTECTION,
               "no PAE");
    for (unsigned bit = 2; bit < 10; bit++) {
        if (bit == 5 || bit == 6)
            continue;
        x86_write_cr(4, before ^ UINT64_C(1) << bit);
        check(x86_read_cr(4) == (before ^ UINT64_C(1) << bit), "bit %u of CR4 changes", bit);
    }
    x86_write_cr(4, before | CR4_SMEP | CR4_SMAP);
    x86_write_cr(4, before);
    register uint64_t other __asm__("r13") = before | 1u << 7;
    __asm__ volatile(".byte 0x66, 0x2e, 0x41, 0x0f, 0x22, 0xe5" ::"r"(other)); // mov %r13, %cr4
    check(x86_read_cr(4) == other, "CR4 by R13, with prefixes");
    x86_write_cr(4, before);
    try_expect(TRY(3, "xsetbv", "c"(0), "a"(7), "d"(0)), VECTOR_UNDEFINED, "XSETBV");
    try_expect(TRY(3, "xgetbv", "c"(0)), VECTOR_UNDEFINED, "XGETBV");
    try_expect(TRY(4, "vaddps %%ymm0, %%ymm0, %%ymm0", "c"(0)), VECTOR_UNDEFINED, "AVX");
}

static uint64_t read_cr8(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr8, %0" : "=r"(value));
    return value;
}

static void write_cr8(uint64_t value) { __asm__ volatile("mov %0, %%cr8" ::"r"(value)); }

static void cr8(void) {
    x86_write_msr(MSR_APIC_BASE, x86_read_msr(MSR_APIC_BASE) | 1u << 10);
    x86_write_msr(X2APIC(SPURIOUS), 0x100 | VECTOR_SPURIOUS);
    write_cr8(5);
    check(x86_read_msr(X2APIC(TPR)) == 0x50, "TPR is CR8: 0x%lx", x86_read_msr(X2APIC(TPR)));
    check(read_cr8() == 5, "CR8 is %lu", read_cr8());
    x86_write_msr(X2APIC(TPR), 0x7c);
    register uint64_t other __asm__("r11");
    __asm__ volatile(".byte 0x3e, 0x45, 0x0f, 0x20, 0xc3" : "=r"(other)); // mov %cr8, %r11
    check(other == 7, "CR8 is TPR: %lu", other);
    try_expect(TRY(4, "mov %0, %%cr8", "a"(UINT64_C(16))), VECTOR_PROTECTION,
               "CR8 of more than four bits");
    __asm__ volatile("sti");
    x86_write_msr(X2APIC(COMMAND), SELF | VECTOR_OWN);
    check(interrupts == 0, "held off by CR8");
    check(read_cr8() == 7, "CR8 is as it was when an interrupt waits: %lu", read_cr8());
    write_cr8(3);
    __asm__ volatile("nop\nnop");
    check(interrupts == 1, "let in by CR8: %lu", interrupts);
    check(read_cr8() == 3, "CR8 is as it was behind an interrupt: %lu", read_cr8());
    write_cr8(0);
    __asm__ volatile("cli");
}

static void debug_registers(void) {
    const uint64_t values[] = {0x1111, 0x2222, 0x333333, 0x44444444};
    uint64_t found[4];
    __asm__ volatile("mov %0, %%db0\nmov %1, %%db1\nmov %2, %%db2\nmov %3, %%db3" ::"r"(values[0]),
                     "r"(values[1]), "r"(values[2]), "r"(values[3]));
    for (unsigned i = 0; i < 1000; i++)
        (void)x86_cpuid(CPUID_HYPERVISOR);
    __asm__ volatile("mov %%db0, %0\nmov %%db1, %1\nmov %%db2, %2\nmov %%db3, %3"
                     : "=r"(found[0]), "=r"(found[1]), "=r"(found[2]), "=r"(found[3]));
    for (unsigned i = 0; i < 4; i++)
        check(found[i] == values[i], "DR%u: 0x%lx", i, found[i]);
    uint64_t at;
    __asm__ volatile("lea 1f(%%rip), %0\n"
                     "mov %0, %%db0\n"
                     "mov %1, %%db7\n"
                     "1: nop\n"
                     "mov %2, %%db7\n"
                     : "=&r"(at)
                     : "r"(UINT64_C(0x402)), "r"(UINT64_C(0x400)));
    check(breakpoints == 1, "a breakpoint at 0x%lx: %lu", at, breakpoints);
}

// What is stepped over stops behind it, and not later, when the hypervisor goes on behind it.
__attribute__((noinline)) static void single_steps(void) {
    uint64_t first, second, third, fourth, fifth;
    steps = 0;
    __asm__ volatile("lea 1f(%%rip), %0\n"
                     "lea 2f(%%rip), %1\n"
                     "lea 3f(%%rip), %2\n"
                     "lea 4f(%%rip), %3\n"
                     "lea 5f(%%rip), %4\n"
                     "mov $2, %%eax\n"
                     "mov $0x3fd, %%edx\n"
                     "pushfq\n"
                     "orl $0x100, (%%rsp)\n"
                     "popfq\n"
                     "in %%dx, %%al\n"
                     "1: wbinvd\n"
                     "2: mov %5, %%cr4\n"
                     "3: vmmcall\n"
                     "4: cpuid\n"
                     "5: pushfq\n"
                     "andl $~0x100, (%%rsp)\n"
                     "popfq\n"
                     : "=&r"(first), "=&r"(second), "=&r"(third), "=&r"(fourth), "=&r"(fifth)
                     : "r"(x86_read_cr(4))
                     : "rax", "rbx", "rcx", "rdx", "memory", "cc");
    check(steps >= 3 && stepped[0] == first, "behind IN: 0x%lx, not 0x%lx", stepped[0], first);
    check(stepped[1] == second, "behind WBINVD: 0x%lx, not 0x%lx", stepped[1], second);
    check(stepped[3] == fourth, "behind VMMCALL: 0x%lx, not 0x%lx", stepped[3], fourth);
    check(stepped[4] == fifth, "behind CPUID: 0x%lx, not 0x%lx", stepped[4], fifth);
    check(stepped[2] == third, "behind MOV to CR4: 0x%lx, not 0x%lx", stepped[2], third);
}

// CPUID of the hypervisor's leaf: executed twice it would give another answer. VMMCALL, RDMSR and
// WRMSR: what is behind too few bytes is nonsense.
#define WITH(count, prefix)                                                                        \
    ({                                                                                             \
        uint32_t leaf = CPUID_HYPERVISOR, name, c, d;                                              \
        uint64_t call = 2;                                                                         \
        __asm__ volatile(".fill " #count ", 1, " #prefix "\ncpuid"                                 \
                         : "+a"(leaf), "=b"(name), "=c"(c), "=d"(d));                              \
        check(leaf == 0x40000010 && name == 0x75657845, #count " times " #prefix ", CPUID: 0x%x",  \
              leaf);                                                                               \
        __asm__ volatile(".fill " #count ", 1, " #prefix "\nvmmcall" : "+a"(call)::"memory");      \
        check(call == UINT64_MAX, #count " times " #prefix ", VMMCALL: 0x%lx", call);              \
        __asm__ volatile(".fill " #count ", 1, " #prefix "\nrdmsr"                                 \
                         : "=a"(leaf), "=d"(d)                                                     \
                         : "c"(PATCH_LEVEL));                                                      \
        check(leaf == 0 && d == 0, #count " times " #prefix ", RDMSR");                            \
        __asm__ volatile(".fill " #count ", 1, " #prefix "\nwrmsr" ::"a"(0x20), "d"(0),            \
                         "c"(X2APIC(TPR)));                                                        \
        check(x86_read_msr(X2APIC(TPR)) == 0x20, #count " times " #prefix ", WRMSR");              \
        write_cr8(0);                                                                              \
        __asm__ volatile(".fill " #count ", 1, " #prefix "\nwbinvd" ::: "memory");                 \
    })

static void lengths(void) {
    for (unsigned again = 0; again < 3; again++) { // it is the same when it has been seen before
        WITH(0, 0x66);
        WITH(1, 0x66);
        WITH(2, 0x2e);
        WITH(1, 0x48); // REX
        WITH(1, 0x67);
        WITH(3, 0x64);
        WITH(1, 0xf2);
        WITH(11, 0x66);
        WITH(12, 0x3e);
    }
    interrupts = 0;
    x86_write_msr(X2APIC(COMMAND), SELF | VECTOR_OWN);
    __asm__ volatile("sti\n.byte 0x66, 0x2e, 0xf4\ncli" ::: "memory");
    check(interrupts == 1, "HLT with prefixes");
}

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define CODE_32 0x38
#define CODE_16 0x40

// The descriptors that there are, and two for other code.
static uint64_t descriptors[9];

// One piece of code for both: prefixes, CPUID, far return.
static void other_code(uint16_t selector, const char *code, const char *what) {
    const struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) far = {(uint32_t)(uintptr_t)code, selector};
    uint32_t a = CPUID_HYPERVISOR, b = 0;
    __asm__ volatile("lcall *%2" : "+a"(a), "+b"(b) : "m"(far) : "rcx", "rdx", "memory", "cc");
    check(a == 0x40000010 && b == 0x75657845, "CPUID in code of %s bits: 0x%x", what, a);
}

extern char code_32[], code_16[];
__attribute__((naked, used)) static void codes(void) {
    __asm__ volatile(".globl code_32, code_16\n"
                     ".code32\n"
                     "code_32: .byte 0x66, 0x2e, 0x3e\n"
                     "cpuid\n"
                     "lretl\n"
                     ".code16\n"
                     "code_16: .byte 0x66, 0x67, 0x36\n"
                     "cpuid\n"
                     "lretl\n"
                     ".code64\n");
}

static void other_codes(void) {
    struct table_pointer table;
    __asm__ volatile("sgdt %0" : "=m"(table));
    for (unsigned i = 0; i < 7; i++)
        descriptors[i] = ((const uint64_t *)(uintptr_t)table.base)[i];
    descriptors[CODE_32 / 8] = 0x00cf9b000000ffff;
    descriptors[CODE_16 / 8] = 0x008f9b000000ffff | (uint64_t)((uintptr_t)code_16 & 0xff0000) << 16;
    const struct table_pointer own = {sizeof(descriptors) - 1, (uint64_t)descriptors};
    __asm__ volatile("lgdt %0" ::"m"(own));
    for (unsigned again = 0; again < 3; again++) {
        other_code(CODE_32, code_32, "32");
        other_code(CODE_16, (const char *)((uintptr_t)code_16 & 0xffff), "16");
    }
}

// Each is taken on a stack that nobody has touched: where memory comes on demand, its delivery
// exits in its middle, and is done once all the same.
#define FRESH UINT64_C(0x1000000)
#define ON_A_FRESH_STACK(instructions)                                                             \
    ({                                                                                             \
        fresh += 0x4000;                                                                           \
        __asm__ volatile("mov %%rsp, %%rbx\n"                                                      \
                         "mov %0, %%rsp\n" instructions "\n"                                       \
                         "mov %%rbx, %%rsp" ::"r"(fresh)                                           \
                         : "rbx", "memory", "cc");                                                 \
    })

static void deliveries(void) {
    uint64_t fresh = FRESH;
    interrupts = 0;
    for (uint64_t i = 1; i <= 20; i++) {
        x86_write_msr(X2APIC(COMMAND), SELF | VECTOR_OWN);
        ON_A_FRESH_STACK("sti\nnop\ncli");
        check(interrupts == 2 * i - 1, "an interrupt, once: %lu", interrupts);
        ON_A_FRESH_STACK("int $0x41");
        check(interrupts == 2 * i, "INT, once: %lu", interrupts);
        try_trapped = 0;
        try_skip = 2;
        ON_A_FRESH_STACK("ud2");
        try_skip = 0;
        check(try_trapped == VECTOR_UNDEFINED + 1, "an exception: %lu", try_trapped);
    }
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    cr4();
    cr8();
    debug_registers();
    lengths();
    for (unsigned again = 0; again < 3; again++)
        single_steps();
    other_codes();
    deliveries();
    return check_end("control");
}
