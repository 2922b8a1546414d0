// gkernel's way from entry.c to its first instruction with paging on.
//
// The kernel is linked for the linear map at the start of the upper half and loaded at 0x40200000.
// Everything here runs before paging: it is compiled like the rest, but -mcmodel=small makes every
// address relative to pc, and so physical for now. Constants that hold addresses (tables of
// pointers, jump tables) would be the linked ones: there must be none in boot_tables().
#include "arch/aarch64/guest/entry.h"
#include "arch/aarch64/guest/mmu.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/firmware.h"
#include "guest/platform.h"

static _Alignas(PAGE_SIZE) uint64_t boot_root[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_middle[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_leaves[TABLE_ENTRIES];
_Alignas(PAGE_SIZE) uint64_t mmu_no_user[TABLE_ENTRIES];

// Set by the linker script, page by page.
extern char image_text[], image_rodata[], image_data[], image_bss[], image_bss_end[];

struct phys mmu_boot_root(void) { return mmu_physical(boot_root); }

static void boot_map(const char *from, const char *to, uint64_t bits) {
    const uint64_t common = PTE_VALID | PTE_TABLE | PTE_ACCESSED | PTE_INNER_SHAREABLE | PTE_UXN |
                            PTE_ATTRIBUTE(MMU_ATTRIBUTE_MEMORY);
    for (uint64_t at = (uint64_t)from; at < (uint64_t)to; at += PAGE_SIZE)
        boot_leaves[mmu_slot(at, 0)] = at | common | bits;
}

static uint64_t table_entry(const uint64_t *table) {
    return (uint64_t)table | PTE_TABLE | PTE_VALID;
}

// What was written without caches must not be hidden by lines of them that are older.
static void forget_cached(const char *from, const char *to) {
    const uint64_t line = CTR_DATA_LINE(sysreg_read(ctr_el0));
    for (uint64_t at = (uint64_t)from & ~(line - 1); at < (uint64_t)to; at += line)
        __asm__ volatile("dc ivac, %0" ::"r"(at) : "memory");
}

// As wide as the CPU has them, but no wider than these tables can say.
static uint64_t physical_size(void) {
    const uint64_t has = sysreg_read(id_aa64mmfr0_el1) & ID_AA64MMFR0_PARANGE;
    return (has < TCR_IPS_48_BITS ? has : TCR_IPS_48_BITS) << TCR_IPS_SHIFT;
}

// Maps the image, and only the image, at the linear base: text executable, constants readable,
// data writable, nothing more. The linker script keeps it inside one 2 MiB block, which one table
// of leaves covers. Returns what SCTLR_EL1 is to be.
static __attribute__((used)) uint64_t boot_tables(void) {
    const uint64_t image = (uint64_t)image_text + MMU_LINEAR_BASE;
    boot_root[mmu_slot(image, 2)] = table_entry(boot_middle);
    boot_middle[mmu_slot(image, 1)] = table_entry(boot_leaves);
    boot_map(image_text, image_rodata, PTE_READ_ONLY);
    boot_map(image_rodata, image_data, PTE_READ_ONLY | PTE_PXN);
    boot_map(image_data, image_end, PTE_PXN);
    sysreg_write(mair_el1, MMU_ATTRIBUTES);
    sysreg_write(tcr_el1, TCR_T0SZ(MMU_VA_BITS) | TCR_T1SZ(MMU_VA_BITS) | TCR_TG1_4K | TCR_CACHED |
                              physical_size());
    sysreg_write(ttbr0_el1, mmu_no_user);
    sysreg_write(ttbr1_el1, boot_root);
    __asm__ volatile("dsb sy" ::: "memory");
    forget_cached(image_bss, image_bss_end);
    __asm__ volatile("tlbi vmalle1\n"
                     "ic iallu\n"
                     "dsb sy\n"
                     "isb" ::
                         : "memory");
    return SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_SA | SCTLR_SA0 | SCTLR_WXN | SCTLR_DZE |
           SCTLR_UCT | SCTLR_UCI | SCTLR_NTWE;
}

// Traps before the kernel has a console.
static __attribute__((used)) _Noreturn void boot_failed(void) { firmware_shutdown(true); }

// A vector's entry at 0x200 is for traps from the same level on its own stack pointer. The first is
// the way up, from an address in the lower half; any other until trap_init() is one too many.
__attribute__((naked, used, aligned(2048))) void boot_vector(void) {
    __asm__ volatile(".skip 0x200\n"
                     "mrs x0, elr_el1\n"
                     "tbnz x0, #63, 1f\n"
                     "mrs x0, mpidr_el1\n"
                     "and x0, x0, %[affinity]\n"
                     "mov x1, x19\n"
                     "b gkernel_main\n"
                     "1: b %[failed]\n" ::[affinity] "i"(MPIDR_AFFINITY),
                     [failed] "i"(boot_failed));
}

// The way up to the linked addresses is a fault: with paging on, the next fetch finds nothing
// mapped at the physical address and goes on at the vector, which is the linear map's. So no page
// is ever both writable and executable, and nothing is mapped below that must be removed. The
// device tree waits in x19.
__attribute__((naked)) _Noreturn void entry_begin(uint64_t device_tree) {
    __asm__ volatile("mov x19, x0\n"
                     "bl %[tables]\n"
                     "mov x1, %[base]\n"
                     "adrp x2, %[vector]\n"
                     "add x2, x2, :lo12:%[vector]\n"
                     "add x2, x2, x1\n"
                     "msr vbar_el1, x2\n"
                     "mov x2, sp\n"
                     "add sp, x2, x1\n"
                     "isb\n"
                     "msr sctlr_el1, x0\n"
                     "isb\n" ::[tables] "i"(boot_tables),
                     [base] "i"(MMU_LINEAR_BASE), [vector] "i"(boot_vector));
}
