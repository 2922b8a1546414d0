#include "libs/virtio/virtqueue.h"

#include <assert.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "VirtIO's rings are little endian");

// Chapter 2.7.5.
struct virtqueue_descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};

static_assert(sizeof(struct virtqueue_descriptor) == 16, "the device sees this layout");

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u

// Chapters 2.7.6 and 2.7.8: both rings begin with flags and an index that runs on modulo 2^16.
#define RING_FLAGS 0
#define RING_INDEX 1
#define RING_ENTRIES 2

#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u

enum status virtqueue_init(struct virtqueue *queue, unsigned size,
                           const struct virtio_memory *memory) {
    if (size == 0 || size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)) != 0)
        return STATUS_INVALID;
    if ((uintptr_t)memory->bytes % 16 != 0 || memory->device_address % 16 != 0)
        return STATUS_INVALID;
    if (memory->size < VIRTQUEUE_BYTES(size))
        return STATUS_NO_MEMORY;
    size_t available = sizeof(struct virtqueue_descriptor) * size;
    size_t used = available + (6 + 2 * (size_t)size + 3) / 4 * 4; // the used ring is aligned to 4
    uint8_t *bytes = memory->bytes;
    memset(bytes, 0, VIRTQUEUE_BYTES(size));
    memset(queue, 0, sizeof(*queue));
    queue->descriptors = memory->bytes;
    queue->available = (volatile uint16_t *)(bytes + available);
    queue->used = (volatile uint16_t *)(bytes + used);
    queue->descriptors_at = memory->device_address;
    queue->available_at = memory->device_address + available;
    queue->used_at = memory->device_address + used;
    queue->size = queue->free_count = (uint16_t)size;
    for (unsigned i = 0; i < size; i++)
        queue->next[i] =
            (uint16_t)(i + 1); // the last one's is never followed: free_count ends the list
    return STATUS_OK;
}

static enum status check_buffers(const struct virtqueue *queue,
                                 const struct virtqueue_buffer *buffers, unsigned count,
                                 uint32_t *writable) {
    if (count == 0)
        return STATUS_INVALID;
    if (count > queue->free_count)
        return STATUS_NO_MEMORY;
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        // Chapter 2.7.4.2: what the device writes comes behind all it reads.
        if (buffers[i].size == 0 || (sum != 0 && !buffers[i].device_writes))
            return STATUS_INVALID;
        if (buffers[i].device_writes)
            sum += buffers[i].size;
    }
    *writable = (uint32_t)sum;
    return sum > UINT32_MAX ? STATUS_RANGE : STATUS_OK;
}

enum status virtqueue_offer(struct virtqueue *queue, const struct virtqueue_buffer *buffers,
                            unsigned count, uint16_t *head) {
    uint32_t writable;
    enum status status = check_buffers(queue, buffers, count, &writable);
    if (status != STATUS_OK)
        return status;
    uint16_t first = queue->free_first, at = first;
    for (unsigned i = 0; i < count; i++) {
        uint16_t next = queue->next[at];
        bool last = i + 1 == count;
        queue->descriptors[at] = (struct virtqueue_descriptor){
            .address = buffers[i].device_address,
            .size = buffers[i].size,
            .flags = (uint16_t)((last ? 0 : DESCRIPTOR_NEXT) |
                                (buffers[i].device_writes ? DESCRIPTOR_WRITE : 0)),
            .next = last ? 0 : next,
        };
        at = next;
    }
    queue->free_first = at;
    queue->free_count = (uint16_t)(queue->free_count - count);
    queue->length[first] = (uint16_t)count;
    queue->writable[first] = writable;
    queue->in_flight++;
    queue->available[RING_ENTRIES + (queue->available_index & (queue->size - 1))] = first;
    // Chapter 2.7.13.3: the device sees the index only when it can see all the rest.
    __atomic_thread_fence(__ATOMIC_RELEASE);
    queue->available[RING_INDEX] = ++queue->available_index;
    *head = first;
    return STATUS_OK;
}

bool virtqueue_wants_notice(const struct virtqueue *queue) {
    // Chapter 2.7.13.3.1: the index is written before the flag is read, or both sides could go to
    // sleep.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return !(queue->used[RING_FLAGS] & USED_NO_NOTIFY);
}

enum status virtqueue_take(struct virtqueue *queue, uint16_t *head, uint32_t *written) {
    uint16_t done = (uint16_t)(queue->used[RING_INDEX] - queue->used_index);
    if (done == 0)
        return STATUS_BUSY;
    if (done > queue->in_flight)
        return STATUS_CORRUPT; // answers to more than was asked
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    const volatile uint32_t *entry = (const volatile uint32_t *)(queue->used + RING_ENTRIES) +
                                     2ul * (queue->used_index & (queue->size - 1u));
    uint32_t id = entry[0], size = entry[1]; // read once: the device can change them any time
    if (id >= queue->size || queue->length[id] == 0 || size > queue->writable[id])
        return STATUS_CORRUPT;
    uint16_t last = (uint16_t)id;
    for (unsigned i = 1; i < queue->length[id]; i++)
        last = queue->next[last];
    queue->next[last] = queue->free_first;
    queue->free_first = (uint16_t)id;
    queue->free_count = (uint16_t)(queue->free_count + queue->length[id]);
    queue->length[id] = 0;
    queue->in_flight--;
    queue->used_index++;
    *head = (uint16_t)id;
    *written = size;
    return STATUS_OK;
}

void virtqueue_set_interrupts(struct virtqueue *queue, bool wanted) {
    queue->available[RING_FLAGS] = wanted ? 0 : AVAILABLE_NO_INTERRUPT;
}
