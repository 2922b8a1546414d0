#include "arch/aarch64/guest/mmu.h"

#include "arch/aarch64/guest/sysreg.h"

// TTBR1 has the kernel's half for good; TTBR0 the user's half of a space.
const struct mmu_format mmu_format = {
    .root_level = 2,
    .leaf_level = 2,
    .kernel_slot = TABLE_ENTRIES,
    .user_end = UINT64_C(1) << MMU_VA_BITS,
    .linear_base = MMU_LINEAR_BASE,
    .window = MMU_WINDOW,
};

// A leaf of the kernel's is global, one of a user's is not: that is what tells them apart.
uint64_t mmu_leaf(struct phys at, unsigned rights, unsigned level) {
    uint64_t entry = at.raw | PTE_VALID | PTE_ACCESSED | PTE_INNER_SHAREABLE | PTE_PXN | PTE_UXN;
    entry |= rights & MMU_DEVICE ? PTE_ATTRIBUTE(MMU_ATTRIBUTE_DEVICE)
                                 : PTE_ATTRIBUTE(MMU_ATTRIBUTE_MEMORY);
    if (level == 0)
        entry |= PTE_TABLE;
    if (!(rights & MMU_WRITE))
        entry |= PTE_READ_ONLY;
    if (!(rights & MMU_USER))
        return rights & MMU_EXECUTE ? entry & ~PTE_PXN : entry;
    entry |= PTE_NOT_GLOBAL;
    if (rights & (MMU_READ | MMU_WRITE))
        entry |= PTE_USER;
    return rights & MMU_EXECUTE ? entry & ~PTE_UXN : entry;
}

uint64_t mmu_table(struct phys at) {
    // A walk must not find the table before its content (D8.2, ordering of memory accesses from
    // translation table walks).
    __asm__ volatile("dsb ishst" ::: "memory");
    return at.raw | PTE_TABLE | PTE_VALID;
}

bool mmu_is_present(uint64_t entry) { return (entry & PTE_VALID) != 0; }

bool mmu_is_leaf(uint64_t entry, unsigned level) { return level == 0 || (entry & PTE_TABLE) == 0; }

struct phys mmu_address(uint64_t entry) { return (struct phys){entry & PTE_ADDRESS}; }

unsigned mmu_rights(uint64_t leaf) {
    const bool user = (leaf & PTE_NOT_GLOBAL) != 0;
    unsigned rights = user ? MMU_USER : 0;
    if (!user || (leaf & PTE_USER))
        rights |= MMU_READ;
    if (!(leaf & PTE_READ_ONLY))
        rights |= MMU_WRITE;
    if (!(leaf & (user ? PTE_UXN : PTE_PXN)))
        rights |= MMU_EXECUTE;
    return rights;
}

void mmu_flush(void) {
    __asm__ volatile("dsb ishst\n"
                     "tlbi vmalle1is\n"
                     "dsb ish\n"
                     "isb" ::
                         : "memory");
}

void mmu_sync_code(const void *code, uint64_t size) {
    const uint64_t line = CTR_DATA_LINE(sysreg_read(ctr_el0));
    const uint64_t end = (uint64_t)code + size;
    for (uint64_t at = (uint64_t)code & ~(line - 1); at < end; at += line)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    // All of the instruction caches: programs see the code at other addresses than this one.
    __asm__ volatile("dsb ish\n"
                     "ic ialluis\n"
                     "dsb ish\n"
                     "isb" ::
                         : "memory");
}

static void set_user_root(struct phys root) {
    sysreg_write(ttbr0_el1, root.raw);
    sysreg_sync();
}

// All spaces use ASID 0. Between two of them there is none, so that no translation is made of the
// tables of one and the TLB of the other.
void mmu_activate(struct phys root) {
    set_user_root(mmu_physical(mmu_no_user));
    __asm__ volatile("tlbi aside1is, xzr\n"
                     "dsb ish" ::
                         : "memory");
    if (root.raw != mmu_boot_root().raw)
        set_user_root(root);
}
