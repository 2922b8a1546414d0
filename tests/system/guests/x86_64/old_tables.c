// Kernels of 32 bits page by tables of two levels, or of three (PAE): their accesses to a register
// of the local APIC's page, which is emulated, are found as those of 64-bit kernels are. The guest
// leaves long mode for each.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/string.h"
#include "tests/system/guests/check.h"

#define INITIAL 0x380 // the timer's initial count, which is masked
#define VIRTUAL 0x40000000u
#define PAGE 4096u

#define PRESENT 1u
#define WRITABLE 2u
#define LARGE (1u << 7)
#define CR4_LARGE (1u << 4)

// Segments of 4 GiB at 0: code of 64 bits, code and data of 32. Their selectors, for assembly.
#define CODE_64 "0x08"
#define CODE_32 "0x10"
#define DATA_32 "0x18"
static const uint64_t segments[] = {0, 0xaf9b000000ffff, 0xcf9b000000ffff, 0xcf93000000ffff};

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));
static const struct table_register own = {sizeof(segments) - 1, (uint64_t)segments};
__attribute__((used)) static struct table_register before;
__attribute__((used)) static uint64_t stack, root, features;

// Stores VALUE at ADDRESS, adds 5 to what is there and loads it, by the tables at CR3, with CR4.
uint32_t old_tables_access(uint32_t cr3, uint32_t cr4, uint32_t address, uint32_t value,
                           const struct table_register *own);

// Paging goes off by code of 32 bits, where it does not change what is executed: all is mapped
// where it is. The stack is not used there.
__asm__(".global old_tables_access\n"
        "old_tables_access:\n"
        "pushq %rbx\npushq %rbp\n"
        "movl %edx, %ebx\nmovl %ecx, %ebp\n"
        "sgdt before(%rip)\nlgdt (%r8)\n"
        "movq %cr3, %rax\nmovq %rax, root(%rip)\n"
        "movq %cr4, %rax\nmovq %rax, features(%rip)\n"
        "xorl %eax, %eax\nmovw %cs, %ax\npushq %rax\nleaq 4f(%rip), %rax\npushq %rax\n"
        "movq %rsp, stack(%rip)\n"
        "pushq $" CODE_32 "\nleaq 1f(%rip), %rax\npushq %rax\nlretq\n"
        ".code32\n"
        "1: movl $" DATA_32 ", %eax\nmovl %eax, %ds\n"
        "movl %cr0, %eax\nandl $0x7fffffff, %eax\nmovl %eax, %cr0\n"
        "movl $0xc0000080, %ecx\nrdmsr\nandl $~0x100, %eax\nwrmsr\n"
        "movl %edi, %cr3\nmovl %esi, %cr4\n"
        "movl %cr0, %eax\norl $0x80000000, %eax\nmovl %eax, %cr0\njmp 2f\n"
        "2: movl %ebp, (%ebx)\naddl $5, (%ebx)\nmovl (%ebx), %ebp\n"
        "movl %cr0, %eax\nandl $0x7fffffff, %eax\nmovl %eax, %cr0\n"
        "movl features, %eax\nmovl %eax, %cr4\nmovl root, %eax\nmovl %eax, %cr3\n"
        "movl $0xc0000080, %ecx\nrdmsr\norl $0x100, %eax\nwrmsr\n"
        "movl %cr0, %eax\norl $0x80000000, %eax\nmovl %eax, %cr0\n"
        "ljmp $" CODE_64 ", $3f\n"
        ".code64\n"
        "3: movq stack(%rip), %rsp\nlgdt before(%rip)\nlretq\n"
        "4: movl %ebp, %eax\npopq %rbp\npopq %rbx\nret\n");

// One is for PAE's root, which need not begin a page.
static uint64_t tables[5][PAGE / 8] __attribute__((aligned(PAGE)));
#define ROOT_OFFSET 0xfe0u

static uint32_t table(unsigned number) { return (uint32_t)(uint64_t)tables[number]; }

// The first 4 MiB where they are, in which this guest is, by large pages or by small ones; and the
// page of registers.
static uint32_t two_levels(uint32_t registers, bool is_large) {
    uint32_t *const top = (uint32_t *)tables[0], *const small = (uint32_t *)tables[1];
    uint32_t *const high = (uint32_t *)tables[2];
    for (uint32_t i = 0; i < PAGE / 4; i++)
        small[i] = i * PAGE | PRESENT | WRITABLE;
    top[0] = is_large ? 0 | LARGE | PRESENT | WRITABLE : table(1) | PRESENT | WRITABLE;
    top[VIRTUAL >> 22] = table(2) | PRESENT | WRITABLE;
    high[1023] = registers | PRESENT | WRITABLE;
    return table(0);
}

static uint32_t three_levels(uint32_t registers, bool is_large) {
    uint64_t *const top = &tables[0][ROOT_OFFSET / 8], *const low = tables[1];
    const uint32_t small = table(2);
    for (uint32_t i = 0; i < PAGE / 8; i++)
        tables[2][i] = (0x200000 + i * PAGE) | PRESENT | WRITABLE;
    top[0] = table(1) | PRESENT;
    top[VIRTUAL >> 30] = table(3) | PRESENT;
    low[0] = 0 | LARGE | PRESENT | WRITABLE;
    low[1] = is_large ? 0x200000 | LARGE | PRESENT | WRITABLE : small | PRESENT | WRITABLE;
    tables[3][1] = table(4) | PRESENT | WRITABLE;
    tables[4][511] = registers | PRESENT | WRITABLE;
    return table(0) + ROOT_OFFSET;
}

static void check_tables(volatile uint32_t *device, bool has_three, bool is_large) {
    static uint32_t value = 0x12345678;
    const uint32_t registers = (uint32_t)(uint64_t)device & -PAGE;
    memset(tables, 0, sizeof(tables));
    const uint32_t cr3 = (has_three ? three_levels : two_levels)(registers, is_large);
    const uint32_t cr4 = has_three ? CR4_PAE : CR4_LARGE;
    // The last small page of 4, or of 2, MiB.
    const uint32_t address = VIRTUAL + 0x3ff000 + INITIAL;
    value += 0x01010101;
    const uint32_t loaded = old_tables_access(cr3, cr4, address, value, &own);
    check(loaded == value + 5, "%u levels, large %u: 0x%x was loaded", has_three + 2, is_large,
          loaded);
    check(*device == value + 5, "%u levels, large %u: 0x%x is there", has_three + 2, is_large,
          *device);
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    const uint64_t base = x86_read_msr(MSR_APIC_BASE) & ~UINT64_C(0xfff);
    volatile uint32_t *const device = (volatile uint32_t *)(base + INITIAL);
    for (unsigned i = 0; i < 16; i++)
        check_tables(device, i & 1, i & 2);
    *device = 0;
    return check_end("old_tables");
}
