#include "tests/system/guests/touch.h"

#include <stddef.h>

static void load(uint64_t address) { (void)*(volatile uint32_t *)address; }

static void store(uint64_t address) { *(volatile uint32_t *)address = 0x5555; }

static void fetch(uint64_t address) { ((void (*)(void))address)(); }

static void amo(uint64_t address) {
    __atomic_fetch_add((volatile uint64_t *)address, 1, __ATOMIC_RELAXED);
}

const struct touch_way touch_ways[] = {
    {"load", load}, {"store", store}, {"fetch", fetch}, {"amo", amo}, {NULL, NULL},
};
