// From the first instruction of gkernel to its first one with paging on.
//
// The kernel is linked for the linear map at the top of the address space and loaded at 0x80200000.
// Everything here runs before paging: it is compiled like the rest, but -mcmodel=medany makes every
// address relative to pc, and so physical for now. Constants that hold addresses (tables of
// pointers, jump tables) would be the linked ones: there must be none in boot_tables().
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/mmu.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/platform.h"

#define BOOT_STACK_SIZE 8192

static _Alignas(PAGE_SIZE) uint64_t boot_root[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_middle[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_leaves[TABLE_ENTRIES];
static _Alignas(16) __attribute__((used)) unsigned char boot_stack[BOOT_STACK_SIZE];

// Set by the linker script, page by page.
extern char image_text[], image_rodata[], image_data[];

struct phys mmu_boot_root(void) { return mmu_physical(boot_root); }

static void boot_map(const char *from, const char *to, uint64_t bits) {
    for (uint64_t at = (uint64_t)from; at < (uint64_t)to; at += PAGE_SIZE)
        boot_leaves[mmu_slot(at, 0)] = at >> PAGE_SHIFT << PTE_PPN_SHIFT | bits;
}

static uint64_t boot_table_entry(const uint64_t *table) {
    return (uint64_t)table >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V;
}

// Maps the image, and only the image, at the linear base: text executable, constants readable,
// data writable, nothing more. The linker script keeps it inside one 2 MiB block, which one table
// of leaves covers. Returns satp.
static __attribute__((used)) uint64_t boot_tables(void) {
    const uint64_t common = PTE_V | PTE_R | PTE_G | PTE_A | PTE_D;
    const uint64_t image = (uint64_t)image_text + MMU_LINEAR_BASE;
    boot_root[mmu_slot(image, 2)] = boot_table_entry(boot_middle);
    boot_middle[mmu_slot(image, 1)] = boot_table_entry(boot_leaves);
    boot_map(image_text, image_rodata, common | PTE_X);
    boot_map(image_rodata, image_data, common);
    boot_map(image_data, image_end, common | PTE_W);
    return SATP_SV39 | (uint64_t)boot_root >> PAGE_SHIFT;
}

static __attribute__((used)) _Noreturn void boot_failed(void) { sbi_shutdown(true); }

// Entered with a0 = hart id, a1 = device tree, both kept in s0 and s1 until C takes them. The way
// up to the linked addresses is a fault: once satp is written, the next fetch finds nothing mapped
// at the physical address and goes on at stvec, which is the same place in the linear map. So no
// page is ever both writable and executable, and nothing is mapped below that must be removed.
__attribute__((naked, used, section(".boot"))) void _start(void) {
    __asm__ volatile("csrw sie, zero\n"
                     "csrw sscratch, zero\n"
                     "mv s0, a0\n"
                     "mv s1, a1\n"
                     "la sp, %[stack] + %[stack_size]\n"
                     "la t0, image_bss\n"
                     "la t1, image_bss_end\n"
                     "1: bgeu t0, t1, 2f\n"
                     "sd zero, (t0)\n"
                     "addi t0, t0, 8\n"
                     "j 1b\n"
                     "2: call %[tables]\n"
                     "li t1, %[base]\n"
                     "add sp, sp, t1\n"
                     "la t0, 3f\n"
                     "add t0, t0, t1\n"
                     "csrw stvec, t0\n"
                     "sfence.vma\n"
                     "csrw satp, a0\n"
                     ".balign 4\n"
                     "3: la t0, 4f\n"
                     "csrw stvec, t0\n"
                     "mv a0, s0\n"
                     "mv a1, s1\n"
                     "tail gkernel_main\n"
                     // Where a trap goes until trap_init().
                     ".balign 4\n"
                     "4: tail %[failed]\n" ::[stack] "i"(boot_stack),
                     [stack_size] "i"(BOOT_STACK_SIZE), [tables] "i"(boot_tables),
                     [base] "i"(MMU_LINEAR_BASE), [failed] "i"(boot_failed));
}
