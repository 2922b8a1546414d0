// What a guest must not be able to do to anybody but itself, one case for each (case=NAME on the
// command line). On a bare PC some of them end the machine; they are for the hypervisor.
//
// Those that come back are counted: the instruction was refused as on a CPU without it. Those that
// end the guest must leave the hypervisor as it was.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/x86_64/try.h"

#define VECTOR_PROTECTION 13
#define PM1_CONTROL 0x604
#define EFER_SVM (1u << 12)
#define MSR_HOST_SAVE 0xc0010117

void bare_trap(struct trap_frame *frame) {
    if (!try_take(frame))
        try_unexpected(frame);
}

static void write_msr(uint32_t msr, uint64_t value, int wanted, const char *what) {
    try_expect(TRY(2, "wrmsr", "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))),
               wanted, what);
}

// The instructions of virtualization, and their registers.
static void virtualization(void) {
    const uint64_t nowhere = 0x300000;
    try_expect(TRY(3, "vmrun %%rax", "a"(nowhere)), VECTOR_UNDEFINED, "VMRUN");
    try_expect(TRY(3, "vmload %%rax", "a"(nowhere)), VECTOR_UNDEFINED, "VMLOAD");
    try_expect(TRY(3, "vmsave %%rax", "a"(nowhere)), VECTOR_UNDEFINED, "VMSAVE");
    try_expect(TRY(3, "stgi"), VECTOR_UNDEFINED, "STGI");
    try_expect(TRY(3, "clgi"), VECTOR_UNDEFINED, "CLGI");
    try_expect(TRY(3, "invlpga %%rax, %%ecx", "a"(nowhere), "c"(1)), VECTOR_UNDEFINED, "INVLPGA");
    try_expect(TRY(3, "skinit %%eax", "a"(nowhere)), VECTOR_UNDEFINED, "SKINIT");
    const uint64_t efer = x86_read_msr(MSR_EFER);
    check(!(efer & EFER_SVM), "EFER.SVME is not shown");
    write_msr(MSR_EFER, efer | EFER_SVM, VECTOR_PROTECTION, "EFER.SVME");
    write_msr(MSR_HOST_SAVE, 0, VECTOR_PROTECTION, "VM_HSAVE_PA");
    check(x86_read_msr(MSR_EFER) == efer, "EFER is what it was");
}

// Registers that are nobody's, and values that none may have.
static void registers(void) {
    write_msr(0xdeadbeef, 1, VECTOR_PROTECTION, "an MSR of nobody");
    write_msr(MSR_EFER, UINT64_MAX, VECTOR_PROTECTION, "EFER, all ones");
    write_msr(MSR_EFER, 0, VECTOR_PROTECTION, "EFER without long mode");
    write_msr(MSR_APIC_BASE, 0xfed00900, VECTOR_PROTECTION, "the LAPIC somewhere else");
    try_expect(TRY(2, "rdmsr", "c"(0xdeadbeef)), VECTOR_PROTECTION, "an MSR of nobody, read");
    try_expect(TRY(3, "xsetbv", "c"(0), "a"(7), "d"(0)), VECTOR_UNDEFINED, "XSETBV");
}

// Calls of the hypervisor that there are not.
static void calls(void) {
    static const uint64_t numbers[] = {0, 2, 0x84000000, 0x84000007, 0xc4000008, UINT64_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t rax = numbers[i], rdx = 0x1234;
        __asm__ volatile("vmmcall" : "+a"(rax), "+d"(rdx)::"memory");
        check(rax == UINT64_MAX, "call 0x%lx is refused: 0x%lx", numbers[i], rax);
        check(rdx == 0x1234, "call 0x%lx leaves RDX: 0x%lx", numbers[i], rdx);
    }
}

// The machine's own way to be turned off.
static void power(void) { x86_out16(PM1_CONTROL, 1 << 13); }

static void port_string(void) {
    static const char text[] = "nobody hears this";
    const char *at = text;
    uint64_t count = sizeof(text);
    __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(0x1234) : "memory");
}

static void no_memory(void) { *(volatile uint64_t *)0xe0000000 = 1; }

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

// With no table of traps the first one is one too many.
static void triple_fault(void) {
    const struct table_pointer none = {0, 0};
    __asm__ volatile("lidt %0\nud2" ::"m"(none));
}

// Tables of nonsense, and then an interrupt by them.
static void nonsense_tables(void) {
    const struct table_pointer wrong = {UINT16_MAX, UINT64_C(0x7fff00000000)};
    __asm__ volatile("lgdt %0\n"
                     "lidt %0\n"
                     "mov $0xfff8, %%eax\n"
                     "mov %%eax, %%ds\n" ::"m"(wrong)
                     : "rax", "memory");
}

static void nonsense_root(void) { x86_write_cr(3, UINT64_C(0x7ffffff000)); }

static const struct {
    const char *name;
    void (*run)(void);
    bool comes_back;
} cases[] = {
    {"virtualization", virtualization, true},
    {"registers", registers, true},
    {"calls", calls, true},
    {"power", power, false},
    {"port-string", port_string, false},
    {"no-memory", no_memory, false},
    {"triple-fault", triple_fault, false},
    {"nonsense-tables", nonsense_tables, false},
    {"nonsense-root", nonsense_root, false},
};

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!check_case(bare_machine(), cases[i].name, false))
            continue;
        print("trespass: %s\n", cases[i].name);
        cases[i].run();
        if (cases[i].comes_back)
            return check_end("trespass");
        print("FAILED: %s came back\n", cases[i].name);
        return false;
    }
    print("FAILED: there is no such case\n");
    return false;
}
