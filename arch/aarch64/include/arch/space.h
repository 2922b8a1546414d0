// Page-table entries of VMSAv8-64 with 4 KiB pages, of the EL2&0 regime and of stage 2 (Arm ARM,
// D8.3), and the core's view of physical memory (contract: ARCH_*, arch_pte_*, arch_space_*,
// arch_*_to_*).
#pragma once

#include "ipc/cap.h"
#include "kernel/types.h"

struct cpu;
struct space;

// The core sees all physical memory at a fixed distance, in gigabyte blocks of its half
// (TTBR1_EL2). The last two entries up there are unused and the core's image.
#define ARCH_DIRECT_BASE 0xffffff8000000000ull
#define ARCH_PHYSICAL_LIMIT (510ull << 30)

// A guest's 40 bits take 1024 entries, in two tables that lie together (concatenated, D8.2.2); a
// task's 39 bits use the first.
#define ARCH_SPACE_ROOT_PAGES 2u
#define ARCH_SPACE_ALIGN_PAGES 2u

#define PTE_VALID (1ull << 0)
#define PTE_TABLE (1ull << 1) // at level 0 here (the tables of 4 KiB pages): a page
#define PTE_AF (1ull << 10)
#define PTE_INNER_SHAREABLE (3ull << 8)
#define PTE_ADDRESS 0x0000fffffffff000ull

// Stage 1. Attributes by their number in MAIR_EL2 (boot.c).
#define PTE_DEVICE (1ull << 2)
#define PTE_NORMAL (0ull << 2)
#define PTE_EL0 (1ull << 6)
#define PTE_READ_ONLY (1ull << 7)
#define PTE_NOT_GLOBAL (1ull << 11)
#define PTE_PXN (1ull << 53)
#define PTE_UXN (1ull << 54)

// Stage 2. What the guest's own stage 1 says, if that is stricter, holds.
#define PTE2_NORMAL (15ull << 2)
#define PTE2_DEVICE (1ull << 2)
#define PTE2_READ (1ull << 6)
#define PTE2_WRITE (1ull << 7)
#define PTE2_NEVER_EXECUTE (1ull << 54)

static inline void *arch_phys_to_virt(hpa_t hpa) { return (void *)(hpa.v + ARCH_DIRECT_BASE); }

static inline hpa_t arch_virt_to_phys(const void *address) {
    return HPA((uint64_t)address - ARCH_DIRECT_BASE);
}

static inline bool arch_pte_present(uint64_t pte) { return pte & PTE_VALID; }

static inline bool arch_pte_leaf(uint64_t pte, unsigned level) {
    return level == 0 || !(pte & PTE_TABLE);
}

static inline hpa_t arch_pte_target(uint64_t pte) { return HPA(pte & PTE_ADDRESS); }

static inline uint64_t arch_pte_make_table(hpa_t table) { return table.v | PTE_VALID | PTE_TABLE; }

// The access flag is set beforehand: nobody here looks at it.
static inline uint64_t arch_pte_make_leaf(unsigned kind, hpa_t target, unsigned rights,
                                          unsigned level) {
    uint64_t pte = target.v | PTE_VALID | PTE_AF | PTE_INNER_SHAREABLE;
    if (level == 0) {
        pte |= PTE_TABLE;
    }
    if (kind != 0) {
        pte |= rights & RIGHT_DEVICE ? PTE2_DEVICE : PTE2_NORMAL;
        pte |= rights & RIGHT_R ? PTE2_READ : 0;
        pte |= rights & RIGHT_W ? PTE2_WRITE : 0;
        return pte | (rights & RIGHT_X ? 0 : PTE2_NEVER_EXECUTE);
    }
    pte |= rights & RIGHT_DEVICE ? PTE_DEVICE : PTE_NORMAL;
    pte |= PTE_EL0 | PTE_NOT_GLOBAL | PTE_PXN;
    pte |= rights & RIGHT_W ? 0 : PTE_READ_ONLY;
    return pte | (rights & RIGHT_X ? 0 : PTE_UXN);
}

static inline bool arch_pte_same(uint64_t a, uint64_t b) { return a == b; }

// A task's mapping can always be read (there is no stage-1 entry that EL0 can execute or write and
// not read, without extensions); so nothing can here.
static inline bool arch_space_rights_valid(unsigned rights) {
    return (rights & ~(unsigned)(RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_DEVICE)) == 0 &&
           (rights & RIGHT_R) && !((rights & RIGHT_X) && (rights & RIGHT_DEVICE));
}

// The first address behind those that a space of KIND can translate.
static inline uint64_t arch_space_limit(unsigned kind) {
    return kind == 0 ? 1ull << 39 : 1ull << 40;
}

// A new space.
void arch_space_init(struct space *space);

// A mapping at ADDRESS was added or removed.
void arch_space_fence(struct space *space, space_addr_t address);

// The space ends: it must not stay in the hardware of CPU.
void arch_space_end(struct space *space, struct cpu *cpu);
