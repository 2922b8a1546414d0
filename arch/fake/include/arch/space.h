// Page tables and physical memory of the fake machine (contract: ARCH_*, arch_pte_*, arch_space_*,
// arch_*_to_*). An entry is unlike any real one on purpose: what generic code does with it must go
// through the functions here.
#pragma once

#include "ipc/cap.h"
#include "kernel/types.h"

struct cpu;
struct space;

#define ARCH_PHYSICAL_LIMIT (64ull << 30)

// A guest's root has twice the entries of a task's.
#define ARCH_SPACE_ROOT_PAGES 2u
#define ARCH_SPACE_ALIGN_PAGES 2u

#define PTE_PRESENT (1ull << 63)
#define PTE_LEAF(level) (1ull << (58 + (level))) // as some real ones, other at each level
#define PTE_GUEST (1ull << 61)
#define PTE_RIGHTS 7ull      // enum rights: R, W, X
#define PTE_SEEN (1ull << 3) // what hardware would set
#define PTE_TARGET ((ARCH_PHYSICAL_LIMIT - 1) & ~PAGE_MASK)

// Where the core sees physical memory. Only what the machine has: anything else is a bug in the
// core, and ends the test.
void *arch_phys_to_virt(hpa_t hpa);
hpa_t arch_virt_to_phys(const void *address);

static inline bool arch_pte_present(uint64_t pte) { return pte & PTE_PRESENT; }

static inline bool arch_pte_leaf(uint64_t pte, unsigned level) { return pte & PTE_LEAF(level); }

static inline hpa_t arch_pte_target(uint64_t pte) { return HPA(pte & PTE_TARGET); }

static inline uint64_t arch_pte_make_table(hpa_t table) { return table.v | PTE_PRESENT; }

static inline uint64_t arch_pte_make_leaf(unsigned kind, hpa_t target, unsigned rights,
                                          unsigned level) {
    return target.v | (rights & PTE_RIGHTS) | PTE_PRESENT | PTE_LEAF(level) |
           (kind ? PTE_GUEST : 0);
}

static inline bool arch_pte_same(uint64_t a, uint64_t b) { return ((a ^ b) & ~PTE_SEEN) == 0; }

// W needs R, as on most hardware; and nothing at all is no mapping.
static inline bool arch_space_rights_valid(unsigned rights) {
    rights &= ~(unsigned)RIGHT_DEVICE;
    return rights != 0 && (rights & ~7u) == 0 && (!(rights & RIGHT_W) || (rights & RIGHT_R));
}

// The first address behind those that a space of KIND can translate.
static inline uint64_t arch_space_limit(unsigned kind) {
    return kind == 0 ? 1ull << 39 : 1ull << 40;
}

void arch_space_init(struct space *space);
void arch_space_fence(struct space *space, space_addr_t address);
void arch_space_end(struct space *space, struct cpu *cpu);
