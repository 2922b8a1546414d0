#include "arch/riscv64/guest/mmu.h"

#include "arch/riscv64/guest/csr.h"

const struct mmu_format mmu_format = {
    .root_level = 2,
    .leaf_level = 2,
    .kernel_slot = TABLE_ENTRIES / 2,
    .user_end = UINT64_C(1) << 38,
    .linear_base = MMU_LINEAR_BASE,
    .window = MMU_WINDOW,
};

uint64_t mmu_leaf(struct phys at, unsigned rights, unsigned level) {
    // Sv39's leaves look the same at every level.
    (void)level;
    // A and D are set beforehand: hardware may fault instead of setting them (§4.3.1).
    uint64_t entry = at.raw >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V | PTE_A | PTE_D;
    if (rights & MMU_READ)
        entry |= PTE_R;
    if (rights & MMU_WRITE)
        entry |= PTE_R | PTE_W;
    if (rights & MMU_EXECUTE)
        entry |= PTE_X;
    return entry | (rights & MMU_USER ? PTE_U : PTE_G);
}

uint64_t mmu_table(struct phys at) { return at.raw >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V; }

bool mmu_is_present(uint64_t entry) { return (entry & PTE_V) != 0; }

bool mmu_is_leaf(uint64_t entry, unsigned level) {
    (void)level;
    return (entry & (PTE_R | PTE_W | PTE_X)) != 0;
}

struct phys mmu_address(uint64_t entry) {
    return (struct phys){(entry >> PTE_PPN_SHIFT & PTE_PPN_MASK) << PAGE_SHIFT};
}

unsigned mmu_rights(uint64_t leaf) {
    unsigned rights = 0;
    if (leaf & PTE_R)
        rights |= MMU_READ;
    if (leaf & PTE_W)
        rights |= MMU_WRITE;
    if (leaf & PTE_X)
        rights |= MMU_EXECUTE;
    if (leaf & PTE_U)
        rights |= MMU_USER;
    return rights;
}

void mmu_flush(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

void mmu_sync_code(const void *code, uint64_t size) {
    (void)code;
    (void)size;
    __asm__ volatile("fence.i" ::: "memory");
}

void mmu_activate(struct phys root) {
    csr_write(satp, SATP_SV39 | root.raw >> PAGE_SHIFT);
    // All spaces use ASID 0, so the old one's translations must go.
    mmu_flush();
}
