// Nonsense in all memory that it may write: rings, counters, lists that others read.
#include <string.h>

#include "tests/recovery/servers/evil/evil.h"

// A device that reaches memory by itself is trusted with all of it: its registers are left alone.
static bool is_own(const struct config_entry *entry) {
    static const char *const others[] = {"virtio", "uart"};
    if (entry->kind != CONFIG_WINDOW || !(entry->rights & RIGHT_W) || entry->size < 4096) {
        return false;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strncmp(entry->name, others[i], strlen(others[i])) == 0) {
            return false;
        }
    }
    return true;
}

void evil_scribble(void) {
    const struct config_entry *entry = &rt_config->entry[evil_below(rt_config->count)];
    if (!is_own(entry)) {
        return;
    }
    bool state = strncmp(entry->name, "state", CONFIG_NAME) == 0;
    uint64_t begin = state ? 4096 : 0; // the tally stays
    for (unsigned i = 0; i < 8 && begin < entry->size; i++) {
        // The beginning is where the counters are.
        uint64_t span = evil_below(2) ? entry->size - begin : 128;
        uint64_t offset = begin + evil_below(span) / 8 * 8;
        *(volatile uint64_t *)(uintptr_t)(entry->address + offset) = evil_number();
    }
}
