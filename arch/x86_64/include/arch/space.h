// Page-table entries of long mode, of tasks and of nested paging (APM volume 2, 5.4 and 15.25), and
// the core's view of physical memory (contract: ARCH_*, arch_pte_*, arch_space_*, arch_*_to_*).
#pragma once

#include "ipc/cap.h"
#include "kernel/types.h"

struct cpu;
struct space;

// The core sees all physical memory at a fixed distance, in gigapages of its upper half.
#define ARCH_DIRECT_BASE 0xffff800000000000ull
#define ARCH_PHYSICAL_LIMIT (1024ull << 30)

// The generic walk has three levels: its root is the first page. The one above it, which the
// hardware begins with, is the second; of its entries a space uses the first.
#define ARCH_SPACE_ROOT_PAGES 2u
#define ARCH_SPACE_ALIGN_PAGES 1u

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_USER (1ull << 2)
#define PTE_WRITE_THROUGH (1ull << 3)
#define PTE_NOT_CACHED (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_LARGE (1ull << 7)
#define PTE_GLOBAL (1ull << 8)
#define PTE_NEVER_EXECUTE (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

static inline void *arch_phys_to_virt(hpa_t hpa) { return (void *)(hpa.v + ARCH_DIRECT_BASE); }

static inline hpa_t arch_virt_to_phys(const void *address) {
    return HPA((uint64_t)address - ARCH_DIRECT_BASE);
}

static inline bool arch_pte_present(uint64_t pte) { return pte & PTE_PRESENT; }

static inline bool arch_pte_leaf(uint64_t pte, unsigned level) {
    return level == 0 || (pte & PTE_LARGE);
}

static inline hpa_t arch_pte_target(uint64_t pte) { return HPA(pte & PTE_ADDRESS); }

// Rights are the leaf's. Nested walks are those of user accesses at every level (15.25.5).
static inline uint64_t arch_pte_make_table(hpa_t table) {
    return table.v | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
}

// What the hardware would set is set beforehand: nobody here looks at it.
static inline uint64_t arch_pte_make_leaf(unsigned kind, hpa_t target, unsigned rights,
                                          unsigned level) {
    (void)kind;
    uint64_t pte = target.v | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
    pte |= level ? PTE_LARGE : 0;
    pte |= rights & RIGHT_W ? PTE_WRITE : 0;
    pte |= rights & RIGHT_DEVICE ? PTE_WRITE_THROUGH | PTE_NOT_CACHED : 0;
    return pte | (rights & RIGHT_X ? 0 : PTE_NEVER_EXECUTE);
}

static inline bool arch_pte_same(uint64_t a, uint64_t b) { return a == b; }

// What is mapped can always be read.
static inline bool arch_space_rights_valid(unsigned rights) {
    return (rights & ~(unsigned)(RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_DEVICE)) == 0 &&
           (rights & RIGHT_R) && !((rights & RIGHT_X) && (rights & RIGHT_DEVICE));
}

// The first address behind those that a space of KIND can translate.
static inline uint64_t arch_space_limit(unsigned kind) {
    (void)kind;
    return 1ull << 39;
}

// A new space.
void arch_space_init(struct space *space);

// A mapping at ADDRESS was added or removed.
void arch_space_fence(struct space *space, space_addr_t address);

// The space ends: it must not stay in the hardware of CPU.
void arch_space_end(struct space *space, struct cpu *cpu);
