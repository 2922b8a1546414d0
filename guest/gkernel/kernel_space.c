#include "guest/gkernel/kernel_space.h"

#include <stddef.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/table.h"

// The first tables are made from these, before it is known where RAM is: two tables for the window,
// two for each device, and those of the RAM's first gigabytes.
#define EARLY_PAGES 24
static _Alignas(PAGE_SIZE) uint8_t early_pages[EARLY_PAGES][PAGE_SIZE];

// The window's lower half.
#define WINDOW_SIZE (UINT64_C(512) << 20)
static uint64_t window_used;

void kernel_space_init(void) {
    page_add(mmu_physical(early_pages), mmu_physical(early_pages + EARLY_PAGES));
    // What is under this entry may grow when there are processes; the entry is all that they copy.
    if (table_walk(mmu_boot_root(), mmu_format.window, mmu_format.root_level - 1) == NULL)
        panic("kernel space: no memory for the window");
}

// With the largest leaves that alignment and size allow.
static void map(uint64_t va, struct phys at, uint64_t size, unsigned rights) {
    for (uint64_t done = 0; done < size;) {
        unsigned level = mmu_format.leaf_level;
        while (level > 0 && (((va + done) | (at.raw + done)) % table_reach(level) != 0 ||
                             size - done < table_reach(level)))
            level--;
        uint64_t *entry = table_walk(mmu_boot_root(), va + done, level);
        if (entry == NULL || mmu_is_present(*entry))
            panic("kernel space: 0x%lx can't be mapped", va + done);
        *entry = mmu_leaf((struct phys){at.raw + done}, rights, level);
        done += table_reach(level);
    }
    mmu_flush();
}

static uint64_t show(struct phys at, uint64_t size, unsigned rights) {
    const uint64_t first = mmu_page_down(at.raw);
    const uint64_t va = mmu_format.window + window_used;
    if (mmu_page_up(at.raw + size) - first > WINDOW_SIZE - window_used)
        panic("kernel space: the window is full");
    map(va, (struct phys){first}, mmu_page_up(at.raw + size) - first, rights);
    window_used += mmu_page_up(at.raw + size) - first;
    return va + (at.raw - first);
}

const void *kernel_space_window(struct phys at, uint64_t size) {
    return (const void *)(uintptr_t)show(at, size, MMU_READ);
}

volatile void *kernel_space_device(struct phys at, uint64_t size) {
    return (volatile void *)(uintptr_t)show(at, size, MMU_READ | MMU_WRITE | MMU_DEVICE);
}

void kernel_space_map(struct phys at, uint64_t size, unsigned rights) {
    const uint64_t first = mmu_page_up(at.raw);
    const uint64_t end = mmu_page_down(at.raw + size);
    if (first < end)
        map(mmu_format.linear_base + first, (struct phys){first}, end - first, rights);
}

uint64_t kernel_space_stacks(void) { return mmu_format.window + WINDOW_SIZE; }

bool kernel_space_add_page(uint64_t va) {
    uint64_t *entry = table_walk(mmu_boot_root(), va, 0);
    struct phys page;
    if (entry == NULL)
        return false;
    if (mmu_is_present(*entry))
        return true;
    if (!page_alloc(&page))
        return false;
    *entry = mmu_leaf(page, MMU_READ | MMU_WRITE, 0);
    mmu_flush();
    return true;
}

// As deep as there are levels of tables, no deeper.
static bool is_clean(struct phys table, unsigned level) {
    const uint64_t *entries = mmu_pointer(table);
    for (unsigned slot = 0; slot < TABLE_ENTRIES; slot++) {
        if (!mmu_is_present(entries[slot]))
            continue;
        if (!mmu_is_leaf(entries[slot], level)) {
            if (!is_clean(mmu_address(entries[slot]), level - 1))
                return false;
            continue;
        }
        const unsigned rights = mmu_rights(entries[slot]);
        if ((rights & MMU_USER) || ((rights & MMU_WRITE) && (rights & MMU_EXECUTE)))
            return false;
    }
    return true;
}

bool kernel_space_is_clean(void) { return is_clean(mmu_boot_root(), mmu_format.root_level); }
