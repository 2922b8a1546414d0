#include "tests/recovery/servers/evil/evil.h"
#include "wrong.h"

// xorshift64*; the state is in the tally, so that a restarted one does not do the same again.
uint64_t evil_random(void) {
    uint64_t x = evil_tally->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    evil_tally->random = x;
    return x * 0x2545f4914f6cdd1dull;
}

uint64_t evil_below(uint64_t limit) { return evil_random() % limit; }

// Where others are: the core's image and its view of all memory, physical addresses of it, of the
// bundle, of object memory and of the machine's devices, places in tasks' and in guests' spaces.
static const uint64_t places[] = {WRONG_CORE,           WRONG_ELSEWHERE, WRONG_PLACES,
                                  0x10000ull,           0x21000ull,      0x30000000ull,
                                  0x40000000ull,        0x1000000000ull, 0x8000000000000000ull,
                                  0xfffffffffffff000ull};

uint64_t evil_number(void) {
    const struct config_entry *entry = &rt_config->entry[evil_below(rt_config->count)];
    switch (evil_below(10)) {
    case 0:
    case 1:
    case 2:
        return evil_below(8);
    case 3:
        return evil_below(600); // slots, pages, VMs that are not its own
    case 4:
        return places[evil_below(sizeof(places) / sizeof(places[0]))] + evil_below(16) * 4096;
    case 5:
        return 1ull << evil_below(64);
    case 6:
        return UINT64_MAX - evil_below(4096);
    case 7:
        return entry->slot + evil_below(2);
    case 8:
        return (evil_below(2) ? entry->address : entry->physical) + evil_below(4) * 4096;
    default:
        return evil_random() >> evil_below(64);
    }
}
