// The device tree that a VM boots with.
#include <string.h>

#include "libs/chacha20/chacha20.h"
#include "libs/guestdt/guestdt.h"
#include "servers/init/init.h"

#define TREE_SEED 32 // bytes

// What VM's random numbers begin with: from it, no VM learns the machine's seed or another's.
// Returns how long it is: 0 where the machine has none to make it from.
static size_t tree_seed(const struct vm *vm, uint8_t seed[TREE_SEED]) {
    if (!init.machine.has_seed) {
        return 0;
    }
    uint8_t nonce[CHACHA20_NONCE] = {0};
    uint8_t block[CHACHA20_BLOCK];
    uint32_t id = vm->manifest->id;
    memcpy(nonce, &id, sizeof(id));
    chacha20_block(init.machine.seed, 0, nonce, block);
    memcpy(seed, block, TREE_SEED);
    return TREE_SEED;
}

bool tree_make(const struct vm *vm, void *to, size_t size) {
    if (vm->manifest->device_tree.source != MANIFEST_SOURCE_NONE) {
        return true; // it has been loaded
    }
    uint8_t seed[TREE_SEED];
    const struct guestdt_params params = {
        .timebase = init.machine.timebase,
        .isa = init.machine.isa,
        .mmu = init.machine.mmu,
        .initrd = vm->initrd,
        .seed = seed,
        .seed_size = tree_seed(vm, seed),
    };
    size_t used = 0;
    enum status status = guestdt_make(vm->manifest, &params, to, size, &used);
    if (status != STATUS_OK) {
        rt_log("VM %s: its device tree can't be made: %s", vm->manifest->name, status_text(status));
    }
    return status == STATUS_OK;
}
