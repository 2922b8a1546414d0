// A byte stream between two tasks through one shared frame: one writes, one reads, neither waits
// for the other; a SIGNAL on the other's portal says "look".
//
// head and tail count bytes since the beginning and never wrap in practice (64 bits); a byte's
// place is its count modulo RING_BYTES. Each side believes the other's counter only after
// checking it (ring_readable, ring_writable): a hostile peer can garble its own bytes, no more.
#pragma once

#include <assert.h>
#include <stdint.h>

#define RING_MAGIC 0x474e4952u // "RING"
#define RING_BYTES 3968u

struct ring {
    uint32_t magic;
    uint32_t reserved;
    uint64_t head; // bytes ever written; only the writer stores it, behind the bytes (release)
    uint64_t pad0[6];
    uint64_t tail; // bytes ever read; only the reader stores it, behind its use of them (release)
    uint64_t pad1[7];
    char data[RING_BYTES];
};

static_assert(sizeof(struct ring) == 4096, "one page");

// Bytes that the reader can take; 0 as well when the counters contradict each other.
static inline uint64_t ring_readable(uint64_t head, uint64_t tail) {
    uint64_t n = head - tail;
    return n <= RING_BYTES ? n : 0;
}

// Bytes that the writer can add; 0 as well when the counters contradict each other.
static inline uint64_t ring_writable(uint64_t head, uint64_t tail) {
    uint64_t n = head - tail;
    return n <= RING_BYTES ? RING_BYTES - n : 0;
}

static inline uint64_t ring_load(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static inline void ring_store(uint64_t *counter, uint64_t value) {
    __atomic_store_n(counter, value, __ATOMIC_RELEASE);
}
