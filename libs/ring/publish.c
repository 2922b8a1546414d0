#include "libs/ring/publish.h"

#include "libs/rt/rt.h"

// Each side stores to one word and then loads the other's, so one of them sees what the other did:
// either the reader finds the bytes, or the writer finds that it has to signal.
enum status publish_bytes(struct ring *ring, uint64_t head, unsigned portal) {
    ring_store(&ring->head, head);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->reserved, __ATOMIC_RELAXED) != 0) {
        return STATUS_OK;
    }
    __atomic_store_n(&ring->reserved, 1, __ATOMIC_RELAXED);
    return rt_signal_later(portal);
}

void publish_seen(struct ring *ring) {
    __atomic_store_n(&ring->reserved, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
