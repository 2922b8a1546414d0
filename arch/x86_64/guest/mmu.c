#include "arch/x86_64/guest/mmu.h"

#include "arch/x86_64/guest/x86.h"

const struct mmu_format mmu_format = {
    .root_level = MMU_ROOT_LEVEL,
    // Not every CPU has leaves of 1 GiB.
    .leaf_level = 1,
    .kernel_slot = TABLE_ENTRIES / 2,
    .user_end = MMU_USER_END,
    .linear_base = MMU_LINEAR_BASE,
    .window = MMU_WINDOW,
};

// What is present can be read: there is no bit for that.
uint64_t mmu_leaf(struct phys at, unsigned rights, unsigned level) {
    uint64_t entry = at.raw | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
    if (level > 0)
        entry |= PTE_LARGE;
    if (rights & MMU_WRITE)
        entry |= PTE_WRITE;
    if (!(rights & MMU_EXECUTE))
        entry |= PTE_NO_EXECUTE;
    if (rights & MMU_USER)
        entry |= PTE_USER;
    if (rights & MMU_DEVICE)
        entry |= PTE_NOT_CACHED | PTE_WRITE_THROUGH;
    return entry;
}

// The leaves below say what is allowed.
uint64_t mmu_table(struct phys at) { return at.raw | PTE_PRESENT | PTE_WRITE | PTE_USER; }

bool mmu_is_present(uint64_t entry) { return (entry & PTE_PRESENT) != 0; }

bool mmu_is_leaf(uint64_t entry, unsigned level) { return level == 0 || (entry & PTE_LARGE) != 0; }

struct phys mmu_address(uint64_t entry) { return (struct phys){entry & PTE_ADDRESS}; }

unsigned mmu_rights(uint64_t leaf) {
    unsigned rights = MMU_READ;
    if (leaf & PTE_WRITE)
        rights |= MMU_WRITE;
    if (!(leaf & PTE_NO_EXECUTE))
        rights |= MMU_EXECUTE;
    if (leaf & PTE_USER)
        rights |= MMU_USER;
    return rights;
}

// No translation is global, so this forgets them all.
void mmu_flush(void) { x86_write_cr(3, x86_read_cr(3)); }

// Instruction caches see what is written (APM volume 2, chapter 7.6.1); what the CPU has fetched
// already it forgets by the next IRET at the latest.
void mmu_sync_code(const void *code, uint64_t size) {
    (void)code;
    (void)size;
}

void mmu_activate(struct phys root) { x86_write_cr(3, root.raw); }
