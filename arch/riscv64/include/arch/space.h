// Page-table entries of Sv39 and Sv39x4 (privileged architecture 1.12, §4.4 and §8.5), and the
// core's view of physical memory (contract: ARCH_*, arch_pte_*, arch_space_*, arch_*_to_*).
#pragma once

#include "ipc/cap.h"
#include "kernel/types.h"

struct cpu;
struct space;

// The core sees all physical memory at a fixed distance, in gigapages of its upper half.
#define ARCH_DIRECT_BASE 0xffffffc000000000ull
#define ARCH_PHYSICAL_LIMIT (254ull << 30) // the last two gigabytes up there are the core's image

#define ARCH_SPACE_ROOT_PAGES 4u  // Sv39x4 has 2048 root entries; a task's root uses the first page
#define ARCH_SPACE_ALIGN_PAGES 4u // … and is aligned to its size

#define PTE_V (1ull << 0)
#define PTE_R (1ull << 1)
#define PTE_W (1ull << 2)
#define PTE_X (1ull << 3)
#define PTE_U (1ull << 4)
#define PTE_G (1ull << 5)
#define PTE_A (1ull << 6)
#define PTE_D (1ull << 7)
#define PTE_PPN(hpa) ((hpa) >> 12 << 10)

static_assert(PTE_R == RIGHT_R << 1 && PTE_W == RIGHT_W << 1 && PTE_X == RIGHT_X << 1,
              "rights become entry bits by one shift");

static inline void *arch_phys_to_virt(hpa_t hpa) { return (void *)(hpa.v + ARCH_DIRECT_BASE); }

static inline hpa_t arch_virt_to_phys(const void *address) {
    return HPA((uint64_t)address - ARCH_DIRECT_BASE);
}

static inline bool arch_pte_present(uint64_t pte) { return pte & PTE_V; }

static inline bool arch_pte_leaf(uint64_t pte, unsigned level) {
    (void)level;
    return pte & (PTE_R | PTE_W | PTE_X);
}

static inline hpa_t arch_pte_target(uint64_t pte) { return HPA(pte << 10 >> 20 << 12); }

static inline uint64_t arch_pte_make_table(hpa_t table) { return PTE_PPN(table.v) | PTE_V; }

// A second stage's leaves have U as well: G-stage accesses count as user accesses (§8.5.1). A and D
// are set beforehand: nobody here looks at them, and hardware that does not set them would trap.
static inline uint64_t arch_pte_make_leaf(unsigned kind, hpa_t target, unsigned rights,
                                          unsigned level) {
    (void)level;
    (void)kind;
    uint64_t bits = (uint64_t)(rights & (RIGHT_R | RIGHT_W | RIGHT_X)) << 1;
    return PTE_PPN(target.v) | bits | PTE_V | PTE_U | PTE_A | PTE_D;
}

static inline bool arch_pte_same(uint64_t a, uint64_t b) {
    return ((a ^ b) & ~(PTE_A | PTE_D)) == 0;
}

// Sets of rights that can be mapped, as a mask: W without R is reserved, and so is nothing at all.
#define SPACE_RIGHTS_VALID                                                                         \
    (1u << RIGHT_R | 1u << (RIGHT_R | RIGHT_W) | 1u << RIGHT_X | 1u << (RIGHT_R | RIGHT_X) |       \
     1u << (RIGHT_R | RIGHT_W | RIGHT_X))

// What is a device's, the machine itself knows (physical memory attributes, §3.6).
static inline bool arch_space_rights_valid(unsigned rights) {
    unsigned rwx = rights & ~(unsigned)RIGHT_DEVICE;
    return rwx < 8 && (SPACE_RIGHTS_VALID >> rwx & 1);
}

// The first address behind those that a space of KIND can translate: a task's are the lower half
// of Sv39, a guest's 41 bits.
static inline uint64_t arch_space_limit(unsigned kind) {
    return kind == 0 ? 1ull << 38 : 1ull << 41;
}

// A new space; a task's gets the core's own mappings in its upper half.
void arch_space_init(struct space *space);

// A mapping at ADDRESS was added or removed.
void arch_space_fence(struct space *space, space_addr_t address);

// The space ends: it must not stay in the hardware of CPU.
void arch_space_end(struct space *space, struct cpu *cpu);
