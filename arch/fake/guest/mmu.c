#include "arch/fake/guest/mmu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// An entry's low bits. Four levels, and one bit says "leaf" on all of them.
#define PRESENT UINT64_C(1)
#define LEAF UINT64_C(2)
#define RIGHTS_SHIFT 4
#define RIGHTS_MASK UINT64_C(31)
#define ADDRESS_MASK (~(PAGE_SIZE - 1))

#define ROOT_LEVEL 3

// The first entry of the root is the users'; the host's addresses lie behind it.
#define KERNEL_SLOT 1
#define WINDOW (UINT64_C(500) << 39)

static _Alignas(PAGE_SIZE) uint8_t ram[FAKE_RAM_SIZE];
static _Alignas(PAGE_SIZE) uint8_t instructions[FAKE_RAM_SIZE]; // what of it can be executed
static _Alignas(PAGE_SIZE) uint64_t boot_root[TABLE_ENTRIES];

const struct mmu_format mmu_format = {
    .root_level = ROOT_LEVEL,
    .leaf_level = 1,
    .kernel_slot = KERNEL_SLOT,
    .user_end = UINT64_C(1) << 39,
    .linear_base = (uint64_t)(uintptr_t)ram - FAKE_RAM_START,
    .window = WINDOW,
};

static void check(bool condition) {
    if (!condition)
        abort();
}

uint64_t mmu_leaf(struct phys at, unsigned rights, unsigned level) {
    check(level <= 1 && at.raw % (PAGE_SIZE << (9 * level)) == 0);
    check((rights & (MMU_READ | MMU_WRITE | MMU_EXECUTE)) != 0);
    check(!(rights & MMU_WRITE) || !(rights & MMU_EXECUTE));
    return at.raw | (uint64_t)rights << RIGHTS_SHIFT | LEAF | PRESENT;
}

uint64_t mmu_table(struct phys at) {
    check(at.raw % PAGE_SIZE == 0);
    return at.raw | PRESENT;
}

bool mmu_is_present(uint64_t entry) { return (entry & PRESENT) != 0; }

bool mmu_is_leaf(uint64_t entry, unsigned level) {
    check(mmu_is_present(entry));
    return level == 0 || (entry & LEAF) != 0;
}

struct phys mmu_address(uint64_t entry) {
    check(mmu_is_present(entry));
    return (struct phys){entry & ADDRESS_MASK};
}

unsigned mmu_rights(uint64_t leaf) {
    check(mmu_is_present(leaf) && (leaf & LEAF) != 0);
    return leaf >> RIGHTS_SHIFT & RIGHTS_MASK;
}

struct phys mmu_boot_root(void) { return mmu_physical(boot_root); }

// Translations: which page, and the leaf's entry for it or 0.
#define REMEMBERED 4096
static struct {
    bool valid;
    uint64_t page, entry;
} remembered[REMEMBERED];
static uint64_t active = UINT64_MAX;

static uint64_t walk(uint64_t va) {
    uint64_t table = active;
    for (unsigned level = ROOT_LEVEL;; level--) {
        const uint64_t *entries = mmu_pointer((struct phys){table});
        const uint64_t entry = entries[va >> (PAGE_SHIFT + 9 * level) & (TABLE_ENTRIES - 1)];
        if (!(entry & PRESENT))
            return 0;
        if (level == 0 || (entry & LEAF)) {
            check((entry & LEAF) != 0); // a table cannot stand at level 0
            return entry + (va & ((PAGE_SIZE << (9 * level)) - PAGE_SIZE));
        }
        table = entry & ADDRESS_MASK;
    }
}

// A translation in use must not have been changed to another page ("break before make").
void mmu_flush(void) {
    for (unsigned i = 0; i < REMEMBERED; i++) {
        if (!remembered[i].valid || remembered[i].entry == 0)
            continue;
        const uint64_t now = walk(remembered[i].page * PAGE_SIZE);
        check(now == 0 || ((now ^ remembered[i].entry) & ADDRESS_MASK) == 0);
    }
    memset(remembered, 0, sizeof(remembered));
}

void mmu_activate(struct phys root) {
    mmu_flush();
    active = root.raw;
}

static uint64_t ram_offset(struct phys at) {
    check(at.raw >= FAKE_RAM_START && at.raw - FAKE_RAM_START < FAKE_RAM_SIZE);
    return at.raw - FAKE_RAM_START;
}

void mmu_sync_code(const void *code, uint64_t size) {
    const uint64_t offset = ram_offset(mmu_physical(code));
    check(size <= FAKE_RAM_SIZE - offset);
    memcpy(instructions + offset, ram + offset, size);
}

uint8_t *fake_mmu_access(uint64_t va, unsigned access) {
    const uint64_t page = va / PAGE_SIZE;
    const unsigned slot = page % REMEMBERED;
    if (!remembered[slot].valid || remembered[slot].page != page) {
        remembered[slot].valid = true;
        remembered[slot].page = page;
        remembered[slot].entry = walk(va);
    }
    const uint64_t entry = remembered[slot].entry;
    const uint64_t needed = (access | MMU_USER) << RIGHTS_SHIFT;
    if (entry == 0 || (entry & needed) != needed)
        return NULL;
    const uint64_t offset = ram_offset((struct phys){entry & ADDRESS_MASK}) + va % PAGE_SIZE;
    return (access & MMU_EXECUTE ? instructions : ram) + offset;
}
