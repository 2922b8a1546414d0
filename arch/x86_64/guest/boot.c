// gkernel's way from entry.c to its own page tables.
#include <stdbool.h>

#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/firmware.h"
#include "guest/lib/multiboot.h"
#include "guest/platform.h"

static _Alignas(PAGE_SIZE) uint64_t boot_root[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_upper[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_middle[TABLE_ENTRIES];
static _Alignas(PAGE_SIZE) uint64_t boot_leaves[TABLE_ENTRIES];

// Set by the linker script, page by page.
extern char image_text[], image_rodata[], image_data[];

struct phys mmu_boot_root(void) { return mmu_physical(boot_root); }

static void boot_map(const char *from, const char *to, uint64_t bits) {
    for (const char *at = from; at < to; at += PAGE_SIZE)
        boot_leaves[mmu_slot((uint64_t)at, 0)] =
            mmu_physical(at).raw | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | bits;
}

// Maps the image, and only the image, at the linear base: text executable, constants readable,
// data writable, nothing more. The linker script keeps it inside one 2 MiB block, which one table
// of leaves covers.
static void boot_tables(void) {
    const uint64_t image = (uint64_t)image_text;
    boot_root[mmu_slot(image, 3)] = mmu_table(mmu_physical(boot_upper));
    boot_upper[mmu_slot(image, 2)] = mmu_table(mmu_physical(boot_middle));
    boot_middle[mmu_slot(image, 1)] = mmu_table(mmu_physical(boot_leaves));
    boot_map(image_text, image_rodata, 0);
    boot_map(image_rodata, image_data, PTE_NO_EXECUTE);
    boot_map(image_data, image_end, PTE_NO_EXECUTE | PTE_WRITE);
    mmu_activate(mmu_boot_root());
}

// The kernel reaches programs' memory through the linear map only. A CPU that can see to that does.
static void forbid_user_memory(void) {
    if (x86_cpuid(0).a < CPUID_EXTENDED)
        return;
    const uint32_t has = x86_cpuid(CPUID_EXTENDED).b;
    const uint64_t wanted =
        (has & CPUID_EXTENDED_B_SMEP ? CR4_SMEP : 0) | (has & CPUID_EXTENDED_B_SMAP ? CR4_SMAP : 0);
    x86_write_cr(4, x86_read_cr(4) | wanted);
}

_Noreturn void entry_begin(uint32_t magic, uint32_t information) {
    if (magic != MULTIBOOT_MAGIC)
        firmware_shutdown(true);
    boot_tables();
    forbid_user_memory();
    gkernel_main(x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT,
                 (struct phys){information});
}
