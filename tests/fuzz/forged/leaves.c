#include "tests/fuzz/forged/leaves.h"

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "arch/space.h"

// Not for the fuzzer to find ways through.
__attribute__((no_sanitize("coverage"))) static unsigned
leaves_below(const uint64_t *table, unsigned entries, unsigned level, uint64_t address,
             struct leaf leaf[LEAVES], unsigned count) {
    for (unsigned i = 0; i < entries; i++) {
        uint64_t size = PAGE_SIZE << 9 * level;
        uint64_t at = address + i * size;
        if (!arch_pte_present(table[i])) {
            continue;
        }
        if (!arch_pte_leaf(table[i], level)) {
            machine_require(level > 0, "a table below the last level");
            count = leaves_below(arch_phys_to_virt(arch_pte_target(table[i])), 512, level - 1, at,
                                 leaf, count);
            continue;
        }
        machine_require(count < LEAVES, "a space maps more than this test can look at");
        leaf[count++] =
            (struct leaf){at, arch_pte_target(table[i]).v, size, (unsigned)(table[i] & PTE_RIGHTS)};
    }
    return count;
}

unsigned leaves_of(const struct space *space, struct leaf leaf[LEAVES]) {
    return leaves_below(space->root, space->kind == SPACE_GUEST ? 1024 : 512, 2, 0, leaf, 0);
}
