#include "libs/virtio/blk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

// Chapter 5.2.3: feature bits.
#define FEATURE_SIZE_MAX (1ull << 1)
#define FEATURE_SEG_MAX (1ull << 2)
#define FEATURE_READ_ONLY (1ull << 5)
#define FEATURE_BLOCK_SIZE (1ull << 6)
#define FEATURES (FEATURE_SIZE_MAX | FEATURE_SEG_MAX | FEATURE_READ_ONLY | FEATURE_BLOCK_SIZE)

// Chapter 5.2.4: the device's configuration.
#define CONFIG_CAPACITY 0
#define CONFIG_SIZE_MAX 8
#define CONFIG_SEG_MAX 12
#define CONFIG_BLOCK_SIZE 20
#define CONFIG_TRIES 16 // reads of it, until it does not change in the meantime

// Chapter 5.2.6: a request is this header, the data, and the status.
#define REQUEST_READ 0u
#define ANSWER_OK 0u
#define ANSWER_ERROR 1u
#define ANSWER_UNSUPPORTED 2u
#define ANSWER_NONE 0xffu // what stands there before the device writes its answer

struct virtio_blk_request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
    volatile uint8_t answer;
};

static_assert(offsetof(struct virtio_blk_request, answer) == 16, "the device sees this layout");

#define REQUEST_HEADER_SIZE offsetof(struct virtio_blk_request, answer)
#define REQUEST_SPACE 64u            // of the shared memory, before the queue's rings
#define REQUEST_SIZE_MOST (1u << 24) // 16 MiB
#define BLOCK_SIZE_MOST 65536u
#define QUEUE 0u

static_assert(REQUEST_SPACE + VIRTQUEUE_BYTES(VIRTQUEUE_SIZE_MAX) <= VIRTIO_BLK_MEMORY_SIZE,
              "the shared memory holds all");

static enum status fail(struct virtio_blk *blk, enum status status, const char *error) {
    blk->error = error;
    return status;
}

// Fails while the device is being set up.
static enum status refuse(struct virtio_blk *blk, enum status status, const char *error) {
    virtio_give_up(blk->transport);
    return fail(blk, status, error);
}

struct config {
    uint64_t capacity;
    uint32_t size_max;
    uint32_t segments_max;
    uint32_t block_size;
};

// Reads the configuration as of one moment (chapter 2.5.1).
static enum status read_config(struct virtio_transport *transport, struct config *config) {
    const struct virtio_transport_operations *operations = transport->operations;
    for (unsigned i = 0; i < CONFIG_TRIES; i++) {
        uint32_t generation = operations->config_generation(transport);
        *config = (struct config){
            .capacity = operations->config_read(transport, CONFIG_CAPACITY, 8),
            .size_max = (uint32_t)operations->config_read(transport, CONFIG_SIZE_MAX, 4),
            .segments_max = (uint32_t)operations->config_read(transport, CONFIG_SEG_MAX, 4),
            .block_size = (uint32_t)operations->config_read(transport, CONFIG_BLOCK_SIZE, 4),
        };
        if (operations->config_generation(transport) == generation)
            return STATUS_OK;
    }
    return STATUS_IO;
}

// Takes from the configuration what the agreed features make valid, and checks it.
static enum status set_limits(struct virtio_blk *blk, uint64_t features) {
    struct config config;
    if (read_config(blk->transport, &config) != STATUS_OK)
        return refuse(blk, STATUS_IO, "the block device's configuration does not stand still");
    uint32_t block_size = VIRTIO_BLK_SECTOR_SIZE;
    if (features & FEATURE_BLOCK_SIZE)
        block_size = config.block_size;
    if (block_size < VIRTIO_BLK_SECTOR_SIZE || block_size > BLOCK_SIZE_MOST ||
        (block_size & (block_size - 1)) != 0)
        return refuse(blk, STATUS_UNSUPPORTED,
                      "the block device's block size is not a power of two from 512 to 65536");
    blk->capacity = config.capacity;
    blk->read_only = features & FEATURE_READ_ONLY;
    blk->block_sectors = block_size / VIRTIO_BLK_SECTOR_SIZE;
    blk->segment_size = REQUEST_SIZE_MOST;
    if ((features & FEATURE_SIZE_MAX) && config.size_max < blk->segment_size)
        blk->segment_size = config.size_max;
    blk->segment_count = blk->queue.size - 2u; // the header and the answer take one each
    if ((features & FEATURE_SEG_MAX) && config.segments_max < blk->segment_count)
        blk->segment_count = config.segments_max;
    uint64_t most = (uint64_t)blk->segment_size * blk->segment_count;
    if (most > REQUEST_SIZE_MOST)
        most = REQUEST_SIZE_MOST;
    blk->request_size = (uint32_t)most & ~(block_size - 1);
    if (blk->request_size == 0)
        return refuse(blk, STATUS_UNSUPPORTED,
                      "the block device's limits on requests do not allow to read one block");
    return STATUS_OK;
}

// Finds the largest queue that both sides can have, and makes it the device's.
static enum status set_queue(struct virtio_blk *blk, const struct virtio_memory *memory,
                             bool interrupts) {
    unsigned most = blk->transport->operations->queue_size(blk->transport, QUEUE);
    unsigned size = VIRTQUEUE_SIZE_MAX;
    while (size > most)
        size /= 2;
    if (size < 4) // a header, some data and an answer
        return refuse(blk, STATUS_UNSUPPORTED, "the block device's queue is too small");
    const struct virtio_memory rings = {
        .bytes = (uint8_t *)memory->bytes + REQUEST_SPACE,
        .device_address = memory->device_address + REQUEST_SPACE,
        .size = memory->size - REQUEST_SPACE,
    };
    enum status status = virtqueue_init(&blk->queue, size, &rings);
    if (status != STATUS_OK)
        return refuse(blk, status, "the block device's memory is not aligned");
    virtqueue_set_interrupts(&blk->queue, interrupts);
    status = blk->transport->operations->queue_enable(blk->transport, QUEUE, &blk->queue);
    if (status != STATUS_OK)
        return refuse(blk, STATUS_IO, "the block device's queue is in use, right after a reset");
    return STATUS_OK;
}

enum status virtio_blk_init(struct virtio_blk *blk, struct virtio_transport *transport,
                            const struct virtio_memory *memory, const struct virtio_blk_wait *wait,
                            bool interrupts) {
    blk->transport = transport;
    blk->wait = *wait;
    blk->request = memory->bytes;
    blk->request_at = memory->device_address;
    blk->failed = true;
    blk->error = "";
    if (transport->type != VIRTIO_TYPE_BLOCK)
        return fail(blk, STATUS_UNSUPPORTED, "the VirtIO device is no block device");
    if (memory->size < VIRTIO_BLK_MEMORY_SIZE)
        return fail(blk, STATUS_NO_MEMORY, "the block device's memory is too small");
    uint64_t features;
    const char *why;
    enum status status = virtio_negotiate(transport, FEATURES, &features, &why);
    if (status != STATUS_OK)
        return fail(blk, status, why);
    status = set_queue(blk, memory, interrupts);
    if (status != STATUS_OK)
        return status;
    status = set_limits(blk, features);
    if (status != STATUS_OK)
        return status;
    virtio_start(transport);
    blk->failed = false;
    return STATUS_OK;
}

// Takes the device out of use: while it may still believe that a request is under way, only a reset
// keeps it from writing to memory that is something else by then.
static enum status abandon(struct virtio_blk *blk, enum status status, const char *error) {
    blk->failed = true;
    if (virtio_reset(blk->transport) != STATUS_OK)
        return fail(blk, status, "the block device neither answers nor resets");
    return fail(blk, status, error);
}

static enum status wait_for_answer(struct virtio_blk *blk, uint16_t head, uint32_t *written) {
    if (blk->wait.begin != NULL)
        blk->wait.begin(blk->wait.context);
    for (;;) {
        uint16_t taken;
        enum status status = virtqueue_take(&blk->queue, &taken, written);
        if (status == STATUS_OK && taken == head)
            return STATUS_OK;
        if (status != STATUS_BUSY)
            return abandon(blk, STATUS_CORRUPT,
                           "the block device answered what it was not asked (used ring)");
        if (blk->wait.wait(blk->wait.context) != STATUS_OK)
            return abandon(blk, STATUS_IO, "the block device did not answer in time");
    }
}

// Fills in the pieces of a request for SIZE bytes at ADDRESS. Returns how many there are.
static unsigned form_request(const struct virtio_blk *blk, uint64_t address, uint32_t size,
                             struct virtqueue_buffer *pieces) {
    unsigned count = 0;
    pieces[count++] = (struct virtqueue_buffer){blk->request_at, REQUEST_HEADER_SIZE, false};
    for (uint32_t done = 0; done < size;) {
        uint32_t part = size - done < blk->segment_size ? size - done : blk->segment_size;
        pieces[count++] = (struct virtqueue_buffer){address + done, part, true};
        done += part;
    }
    pieces[count++] = (struct virtqueue_buffer){blk->request_at + REQUEST_HEADER_SIZE, 1, true};
    return count;
}

// Reads SIZE bytes, no more than a request can have.
static enum status read_once(struct virtio_blk *blk, uint64_t sector, uint32_t size,
                             uint64_t address) {
    blk->request->type = REQUEST_READ;
    blk->request->reserved = 0;
    blk->request->sector = sector;
    blk->request->answer = ANSWER_NONE;
    struct virtqueue_buffer pieces[VIRTQUEUE_SIZE_MAX];
    unsigned count = form_request(blk, address, size, pieces);
    uint16_t head;
    enum status status = virtqueue_offer(&blk->queue, pieces, count, &head);
    if (status != STATUS_OK)
        return fail(blk, status, "the block device's queue has no room"); // one request always fits
    if (virtqueue_wants_notice(&blk->queue))
        blk->transport->operations->notify(blk->transport, QUEUE);
    uint32_t written;
    status = wait_for_answer(blk, head, &written);
    if (status != STATUS_OK)
        return status;
    uint8_t answer = blk->request->answer;
    if (answer == ANSWER_ERROR || answer == ANSWER_UNSUPPORTED)
        return fail(blk, STATUS_IO, "the block device reports an error");
    if (answer != ANSWER_OK)
        return abandon(blk, STATUS_CORRUPT, "the block device's answer is none that there is");
    if (written != size + 1)
        return abandon(blk, STATUS_CORRUPT,
                       "the block device read less than it was asked to, without an error");
    return STATUS_OK;
}

enum status virtio_blk_read(struct virtio_blk *blk, uint64_t sector, uint32_t count,
                            uint64_t address) {
    if (blk->failed)
        return fail(blk, STATUS_IO, "the block device failed before and was given up");
    if (sector > blk->capacity || count > blk->capacity - sector)
        return fail(blk, STATUS_RANGE, "the sectors lie behind the block device's end");
    if (((sector | count) & (blk->block_sectors - 1)) != 0)
        return fail(blk, STATUS_INVALID, "the sectors are not whole blocks of the block device");
    uint64_t left = (uint64_t)count * VIRTIO_BLK_SECTOR_SIZE;
    if (left > 0 && address + (left - 1) < address)
        return fail(blk, STATUS_RANGE, "the memory to read to ends behind the last address");
    while (left > 0) {
        uint32_t size = left < blk->request_size ? (uint32_t)left : blk->request_size;
        enum status status = read_once(blk, sector, size, address);
        if (status != STATUS_OK)
            return status;
        sector += size / VIRTIO_BLK_SECTOR_SIZE;
        address += size;
        left -= size;
    }
    return STATUS_OK;
}

uint32_t virtio_blk_interrupt(struct virtio_blk *blk) {
    return blk->transport->operations->interrupt_acknowledge(blk->transport);
}
