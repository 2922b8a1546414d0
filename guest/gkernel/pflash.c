#include "guest/gkernel/pflash.h"

#include <stdint.h>

#include "guest/gkernel/console.h"
#include "guest/lib/string.h"
#include "guest/platform.h"

static const char magic[4] = {'p', 'f', 'l', 'd'};

bool pflash_probe(void) {
    // A device's memory: read by a word, once.
    const volatile uint32_t *bank = mmu_pointer(platform.pflash);
    const uint32_t word = bank[0];
    const bool found = memcmp(&word, magic, sizeof(magic)) == 0;
    if (found)
        printk("pflash: magic 'pfld' found at 0x%lx\n", platform.pflash.raw);
    else
        printk("pflash: no image at 0x%lx, it begins with 0x%08x\n", platform.pflash.raw, word);
    return found;
}
