// The guest contract, paging: what gkernel's address spaces need to know of the architecture's page
// tables. Every architecture here has 4 KiB pages and tables of 512 eight-byte entries.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
// The C library's limits.h has one of its own for architectures that know no other.
#undef PAGE_SIZE
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define TABLE_ENTRIES 512

static inline uint64_t mmu_page_down(uint64_t at) { return at & ~(PAGE_SIZE - 1); }
static inline uint64_t mmu_page_up(uint64_t at) { return mmu_page_down(at + PAGE_SIZE - 1); }

// An address as the page tables' leaves hold it. Under the hypervisor that is a guest-physical one.
struct phys {
    uint64_t raw;
};

// Rights of a mapping. MMU_USER gives them to user mode, and takes them from the kernel where the
// CPU can. MMU_DEVICE is none: what is there are registers, which no access may be saved, merged or
// moved for. Architectures that know by the address do not keep it.
#define MMU_READ 1u
#define MMU_WRITE 2u
#define MMU_EXECUTE 4u
#define MMU_USER 8u
#define MMU_DEVICE 16u

struct mmu_format {
    unsigned
        root_level; // an entry at level n covers PAGE_SIZE << 9n bytes; leaves' tables are level 0
    unsigned leaf_level; // the highest level at which a leaf may stand
    // From this entry on a space's root is the kernel's, with the boot root's entries;
    // TABLE_ENTRIES where the CPU has two roots at once, one of them for the kernel.
    unsigned kernel_slot;
    uint64_t user_end;    // one past the last user address
    uint64_t linear_base; // where physical address 0 appears in kernel space
    uint64_t window;      // 1 GiB of kernel space that holds nothing else
};
extern const struct mmu_format mmu_format;

// Page-table entries. A leaf at a level above 0 needs an aligned address. An entry that is not
// present may hold anything else; a page's bare address is not present on any architecture.
uint64_t mmu_leaf(struct phys at, unsigned rights, unsigned level);
uint64_t mmu_table(struct phys at); // a table that has its content already
bool mmu_is_present(uint64_t entry);
bool mmu_is_leaf(uint64_t entry, unsigned level);
struct phys mmu_address(uint64_t entry);
unsigned mmu_rights(uint64_t leaf);

// The root that the boot code made: it maps the kernel's image, each section with its own rights,
// at the linear base, and nothing of user memory.
struct phys mmu_boot_root(void);

// Makes the root, a space's or the boot root, the CPU's, and forgets every translation of the space
// before.
void mmu_activate(struct phys root);

// After a change of entries that could have been cached.
void mmu_flush(void);

// After instructions were written to memory that is going to be executed.
void mmu_sync_code(const void *code, uint64_t size);

static inline void *mmu_pointer(struct phys at) {
    return (void *)(uintptr_t)(mmu_format.linear_base + at.raw);
}

// Only of something in the linear map: the image and RAM.
static inline struct phys mmu_physical(const void *pointer) {
    return (struct phys){(uint64_t)(uintptr_t)pointer - mmu_format.linear_base};
}
