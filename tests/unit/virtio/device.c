#include "tests/unit/virtio/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The memory at ADDRESS as the device sees it; the driver must keep it to what was given.
static uint8_t *reach(struct device *device, uint64_t address, uint64_t size) {
    assert_true(address >= DEVICE_MEMORY_AT);
    assert_true(size <= DEVICE_MEMORY_SIZE);
    assert_true(address - DEVICE_MEMORY_AT <= DEVICE_MEMORY_SIZE - size);
    return device->memory + (address - DEVICE_MEMORY_AT);
}

static uint64_t get(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, bytes, size);
    return value;
}

static void put(uint8_t *bytes, uint64_t value, unsigned size) { memcpy(bytes, &value, size); }

void device_sector(uint64_t number, uint8_t *bytes) {
    for (unsigned i = 0; i < 512; i += 8)
        put(bytes + i, (number + 1) * 0x9e3779b97f4a7c15u + i, 8);
}

void device_make(struct device *device, uint64_t sectors) {
    memset(device, 0, sizeof(*device));
    device->magic = 0x74726976;
    device->version = 2;
    device->type = 2;
    device->features =
        1ull << 32 | 1ull << 9 | 1ull << 29 | 1ull << 28; // with some it does not know
    device->queue_most = DEVICE_QUEUE_MOST;
    device->memory = calloc(1, DEVICE_MEMORY_SIZE);
    assert_non_null(device->memory);
    put(device->config, sectors, 8);
    device->status = 0x0f; // as a driver before left it
}

// The feature bits are SIZE and MULTIPORT (5.3.3), which a driver need not take.
void device_make_console(struct device *device) {
    device_make(device, 0);
    device->type = 3;
    device->features |= 3;
}

void device_drop(struct device *device) { free(device->memory); }

struct virtio_memory device_memory(struct device *device, size_t offset, size_t size) {
    return (struct virtio_memory){device->memory + offset, DEVICE_MEMORY_AT + offset, size};
}

void device_set_size_max(struct device *device, uint32_t size) {
    device->features |= 1ull << 1;
    put(device->config + 8, size, 4);
}

void device_set_segments_max(struct device *device, uint32_t count) {
    device->features |= 1ull << 2;
    put(device->config + 12, count, 4);
}

void device_set_block_size(struct device *device, uint32_t size) {
    device->features |= 1ull << 6;
    put(device->config + 20, size, 4);
}

// A console's request: one buffer, to be filled from what the host sent, or to be sent to it
// (5.3.6).
static uint32_t serve_port(struct device *device, const struct device_queue *queue, uint16_t head) {
    assert_true(head < queue->size);
    const uint8_t *entry = reach(device, queue->descriptors + 16ull * head, 16);
    uint32_t size = (uint32_t)get(entry + 8, 4);
    uint8_t *bytes = reach(device, get(entry, 8), size);
    bool receives = queue == &device->queue[0];
    assert_int_equal(get(entry + 12, 2), receives ? 2 : 0);
    assert_true(size > 0);
    device->requests++;
    if (!receives) {
        assert_true(device->got_count + size <= DEVICE_STREAM);
        memcpy(device->got + device->got_count, bytes, size);
        device->got_count += size;
        return 0;
    }
    uint32_t left = device->sent_count - device->sent_at;
    size = size < left ? size : left;
    if (device->most_at_once != 0 && size > device->most_at_once)
        size = device->most_at_once;
    memcpy(bytes, device->sent + device->sent_at, size);
    device->sent_at += size;
    return size;
}

// Answers one request, whose first descriptor is HEAD (2.7.5, 5.2.6).
static uint32_t serve(struct device *device, const struct device_queue *queue, uint16_t head) {
    if (device->type == 3)
        return serve_port(device, queue, head);

    uint64_t sector = 0;
    uint32_t written = 0, pieces = 0;
    uint8_t *status = NULL;
    bool writes = false;
    for (uint16_t at = head;; pieces++) {
        assert_true(at < queue->size);
        assert_true(pieces < queue->size); // a loop
        const uint8_t *entry = reach(device, queue->descriptors + 16ull * at, 16);
        uint32_t size = (uint32_t)get(entry + 8, 4);
        uint16_t flags = (uint16_t)get(entry + 12, 2);
        uint8_t *bytes = reach(device, get(entry, 8), size);
        assert_true(size > 0);
        assert_int_equal(flags & ~3u, 0);
        if (!(flags & 2)) {
            assert_false(writes); // 2.7.4.2: readable ones first
            assert_int_equal(size, 16);
            assert_int_equal(get(bytes, 4), 0); // VIRTIO_BLK_T_IN
            sector = get(bytes + 8, 8);
        } else if (flags & 1) {
            for (uint32_t i = 0; i < size; i++) {
                uint8_t content[512];
                uint32_t place = written + i;
                if (place % 512 == 0 || i == 0)
                    device_sector(sector + place / 512, content);
                bytes[i] = content[place % 512];
            }
            written += size;
            if (size > device->largest_piece)
                device->largest_piece = size;
        } else {
            assert_int_equal(size, 1);
            status = bytes;
        }
        writes = flags & 2;
        if (!(flags & 1))
            break;
        at = (uint16_t)get(entry + 14, 2);
    }
    assert_non_null(status);
    assert_true(sector * 512 + written <= get(device->config, 8) * 512);
    assert_int_equal(written % 512, 0); // 5.2.6.1
    if (device->features >> 6 & 1) {
        assert_int_equal(written % get(device->config + 20, 4), 0);
        assert_int_equal(sector * 512 % get(device->config + 20, 4), 0);
    }
    if (pieces - 1 > device->most_pieces)
        device->most_pieces = pieces - 1;
    device->bytes += written;
    device->requests++;
    if (device->fault == FAULT_IO_ERROR)
        *status = 1;
    else if (device->fault == FAULT_UNSUPPORTED)
        *status = 2;
    else if (device->fault == FAULT_ODD_STATUS)
        *status = 77;
    else if (device->fault != FAULT_NO_STATUS)
        *status = 0;
    return written + 1;
}

// Puts an answer into the used ring (2.7.8).
static void answer(struct device *device, struct device_queue *queue, uint32_t id,
                   uint32_t length) {
    uint8_t *ring = reach(device, queue->device_ring, 6 + 8 * queue->size);
    uint8_t *entry = ring + 4 + 8 * (queue->used % queue->size);
    put(entry, id, 4);
    put(entry + 4, length, 4);
    queue->used++;
    put(ring + 2, queue->used, 2);
}

static void answer_request(struct device *device, struct device_queue *queue, uint16_t head) {
    uint32_t length = serve(device, queue, head);
    if (device->fault == FAULT_SCRIBBLES)
        memset(reach(device, queue->descriptors, 16 * queue->size), 0xff, 16 * queue->size);
    uint32_t id = head;
    if (device->fault == FAULT_ID_TOO_LARGE)
        id = queue->size;
    if (device->fault == FAULT_ID_OF_NOTHING)
        id = head == 0 ? 1 : 0;
    if (device->fault == FAULT_LENGTH_TOO_LARGE)
        length += device->type == 3 ? DEVICE_STREAM : 1;
    if (device->fault == FAULT_LENGTH_TOO_SHORT)
        length--;
    answer(device, queue, id, length);
    if (device->fault == FAULT_ANSWERS_TWICE)
        answer(device, queue, id, length);
    if (device->fault == FAULT_INDEX_JUMPS) {
        queue->used += 500;
        put(reach(device, queue->device_ring, 4) + 2, queue->used, 2);
    }
    const uint8_t *available = reach(device, queue->driver_ring, 6 + 2 * queue->size);
    if (!(get(available, 2) & 1)) // VIRTQ_AVAIL_F_NO_INTERRUPT
        device->interrupt |= 1;
}

// A console that has nothing to give keeps the buffers.
static bool has_answer(const struct device *device, const struct device_queue *queue) {
    return device->type != 3 || queue != &device->queue[0] || device->sent_at < device->sent_count;
}

static void work_on(struct device *device, struct device_queue *queue) {
    put(reach(device, queue->device_ring, 2), device->no_notify ? 1 : 0, 2);
    if (!queue->notified && !device->no_notify)
        return;
    if (device->waited++ < device->delay)
        return;
    device->waited = 0;
    const uint8_t *available = reach(device, queue->driver_ring, 6 + 2 * queue->size);
    while (queue->seen != (uint16_t)get(available + 2, 2) && has_answer(device, queue)) {
        answer_request(device, queue,
                       (uint16_t)get(available + 4 + 2 * (queue->seen % queue->size), 2));
        queue->seen++;
    }
    // What is left waits for the host, not for the driver.
    queue->notified = queue->seen != (uint16_t)get(available + 2, 2);
}

void device_work(struct device *device) {
    if (!(device->status & 4) || device->fault == FAULT_SILENT)
        return;
    for (unsigned i = 0; i < DEVICE_QUEUES; i++) {
        if (device->queue[i].ready != 0)
            work_on(device, &device->queue[i]);
    }
}

void device_send(struct device *device, const void *bytes, size_t size) {
    assert_true(device->sent_count + size <= DEVICE_STREAM);
    memcpy(device->sent + device->sent_count, bytes, size);
    device->sent_count += (uint32_t)size;
}

static void reset(struct device *device) {
    memset(device->queue, 0, sizeof(device->queue));
    for (unsigned i = 0; i < DEVICE_QUEUES; i++)
        device->queue[i].ready = device->fault == FAULT_QUEUE_READY;
    device->driver_features = device->interrupt = 0;
}

// The queue that the registers stand for; a write to one that there is none of is the driver's bug.
static unsigned queue_count(const struct device *device) { return device->type == 3 ? 2 : 1; }

static struct device_queue *selected(struct device *device) {
    assert_in_range(device->queue_select, 0, queue_count(device) - 1);
    return &device->queue[device->queue_select];
}

static void write_status(struct device *device, uint32_t value) {
    if (device->status_count < sizeof(device->status_writes))
        device->status_writes[device->status_count++] = (uint8_t)value;
    if (value == 0) {
        reset(device);
    } else {
        assert_int_equal(device->status & ~value, 0); // 2.1.1: bits are only added
        assert_false((value & 4) && !(value & 8));
    }
    if (value == 8 + 3) // 3.1.1 step 5: nothing but what was offered
        assert_int_equal(device->driver_features & ~device->features, 0);
    device->status = (uint8_t)value;
    if (device->fault == FAULT_NO_FEATURES)
        device->status &= 0xf7;
    if (device->fault == FAULT_NO_RESET && value == 0)
        device->status = 0x0f;
}

static uint32_t read_register(void *context, unsigned offset, unsigned size) {
    struct device *device = context;
    if (offset >= 0x100) {
        assert_in_range(offset + size, 0x101, 0x100 + sizeof(device->config));
        assert_int_equal(offset % size, 0);
        return (uint32_t)get(device->config + (offset - 0x100), size);
    }
    assert_int_equal(size, 4);
    switch (offset) {
    case 0x000:
        return device->magic;
    case 0x004:
        return device->version;
    case 0x008:
        return device->type;
    case 0x010:
        return device->features_select > 1
                   ? 0
                   : (uint32_t)(device->features >> 32 * device->features_select);
    case 0x034:
        return device->queue_select < queue_count(device) ? device->queue_most : 0;
    case 0x044:
        return selected(device)->ready;
    case 0x060:
        return device->interrupt;
    case 0x070:
        return device->status;
    case 0x0fc:
        if (device->fault == FAULT_CONFIG_MOVES)
            device->generation++;
        return device->generation;
    default:
        fail_msg("register 0x%x was read", offset); // 4.2.2.2: write-only, or none
        return 0;
    }
}

static void set_half(uint64_t *value, unsigned half, uint32_t bits) {
    uint64_t mask = 0xffffffffull << 32 * half;
    *value = (*value & ~mask) | (uint64_t)bits << 32 * half;
}

static void enable_queue(struct device *device, uint32_t value) {
    struct device_queue *queue = selected(device);
    assert_int_equal(value, 1);
    assert_true(device->status & 8); // 3.1.1: after the features
    assert_false(device->status & 4);
    assert_in_range(queue->size, 1, device->queue_most);
    assert_int_equal(queue->size & (queue->size - 1), 0);
    assert_int_equal(queue->descriptors % 16, 0); // 2.7
    assert_int_equal(queue->driver_ring % 2, 0);
    assert_int_equal(queue->device_ring % 4, 0);
    queue->ready = 1;
}

static void write_register(void *context, unsigned offset, unsigned size, uint32_t value) {
    struct device *device = context;
    assert_int_equal(size, 4);
    switch (offset) {
    case 0x014:
        device->features_select = value;
        break;
    case 0x020:
        assert_false(device->status & 8);
        assert_in_range(device->driver_features_select, 0, 1);
        set_half(&device->driver_features, device->driver_features_select, value);
        break;
    case 0x024:
        device->driver_features_select = value;
        break;
    case 0x030:
        device->queue_select = value;
        break;
    case 0x038:
        selected(device)->size = value;
        break;
    case 0x044:
        enable_queue(device, value);
        break;
    case 0x050:
        assert_in_range(value, 0, queue_count(device) - 1);
        assert_true(device->status & 4); // 2.1.1: no notification before DRIVER_OK
        device->queue[value].notified = true;
        device->notifications++;
        break;
    case 0x064:
        assert_int_equal(value & ~device->interrupt, 0); // 4.2.2.2
        device->interrupt &= ~value;
        break;
    case 0x070:
        write_status(device, value);
        break;
    case 0x080:
    case 0x084:
        set_half(&selected(device)->descriptors, offset & 4 ? 1 : 0, value);
        break;
    case 0x090:
    case 0x094:
        set_half(&selected(device)->driver_ring, offset & 4 ? 1 : 0, value);
        break;
    case 0x0a0:
    case 0x0a4:
        set_half(&selected(device)->device_ring, offset & 4 ? 1 : 0, value);
        break;
    default:
        fail_msg("register 0x%x was written", offset);
    }
}

struct virtio_mmio_access device_access(struct device *device) {
    return (struct virtio_mmio_access){read_register, write_register, device};
}
