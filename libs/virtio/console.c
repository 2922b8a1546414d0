#include "libs/virtio/console.h"

#include <assert.h>
#include <string.h>

// Chapter 5.3.2: the queues of port 0.
#define QUEUE_IN 0u
#define QUEUE_OUT 1u

#define WAY_SIZE (VIRTIO_CONSOLE_MEMORY_SIZE / 2)
#define ALL_BUFFERS ((1u << VIRTIO_CONSOLE_BUFFERS) - 1)

static_assert(VIRTQUEUE_BYTES(VIRTIO_CONSOLE_BUFFERS) <= VIRTIO_CONSOLE_RINGS, "the rings fit");
static_assert((VIRTIO_CONSOLE_BUFFERS & (VIRTIO_CONSOLE_BUFFERS - 1)) == 0, "a queue's size");

static enum status fail(struct virtio_console *console, enum status status, const char *error) {
    console->error = error;
    return status;
}

// Takes the device out of use: only a reset keeps it from writing to memory that is something else
// later.
static void abandon(struct virtio_console *console, const char *error) {
    console->failed = true;
    console->error = error;
    if (virtio_reset(console->transport) != STATUS_OK)
        console->error = "the console device neither answers nor resets";
}

static enum status set_queue(struct virtio_console *console, struct virtio_console_way *way,
                             unsigned index, const struct virtio_memory *memory) {
    struct virtio_transport *transport = console->transport;
    const size_t begin = index * WAY_SIZE;
    const struct virtio_memory rings = {(uint8_t *)memory->bytes + begin,
                                        memory->device_address + begin, VIRTIO_CONSOLE_RINGS};
    if (transport->operations->queue_size(transport, index) < VIRTIO_CONSOLE_BUFFERS)
        return fail(console, STATUS_UNSUPPORTED, "the console device's queues are too small");
    enum status status = virtqueue_init(&way->queue, VIRTIO_CONSOLE_BUFFERS, &rings);
    if (status != STATUS_OK)
        return fail(console, status, "the console device's memory is not aligned");
    way->bytes = (uint8_t *)rings.bytes + VIRTIO_CONSOLE_RINGS;
    way->bytes_at = rings.device_address + VIRTIO_CONSOLE_RINGS;
    way->free = ALL_BUFFERS;
    status = transport->operations->queue_enable(transport, index, &way->queue);
    if (status != STATUS_OK)
        return fail(console, STATUS_IO,
                    "the console device's queue is in use, right after a reset");
    return STATUS_OK;
}

static uint8_t *buffer_bytes(const struct virtio_console_way *way, unsigned buffer) {
    return way->bytes + buffer * VIRTIO_CONSOLE_BUFFER_SIZE;
}

// Gives the device a free buffer: SIZE bytes of it that it reads, or all of it to write to.
static void offer(struct virtio_console_way *way, unsigned buffer, uint32_t size, bool writes) {
    const uint64_t at = way->bytes_at + buffer * VIRTIO_CONSOLE_BUFFER_SIZE;
    const struct virtqueue_buffer piece = {at, size, writes};
    uint16_t head;
    // There are as many places as buffers.
    if (virtqueue_offer(&way->queue, &piece, 1, &head) != STATUS_OK)
        return;
    way->buffer[head] = (uint8_t)buffer;
    way->free &= ~(1u << buffer);
}

static void notify(struct virtio_console *console, struct virtio_console_way *way, unsigned index) {
    if (virtqueue_wants_notice(&way->queue))
        console->transport->operations->notify(console->transport, index);
}

enum status virtio_console_init(struct virtio_console *console, struct virtio_transport *transport,
                                const struct virtio_memory *memory) {
    memset(console, 0, sizeof(*console));
    console->transport = transport;
    console->failed = true;
    console->error = "";
    if (transport->type != VIRTIO_TYPE_CONSOLE)
        return fail(console, STATUS_UNSUPPORTED, "the VirtIO device is no console device");
    if (memory->size < VIRTIO_CONSOLE_MEMORY_SIZE)
        return fail(console, STATUS_NO_MEMORY, "the console device's memory is too small");
    uint64_t features;
    const char *why;
    enum status status = virtio_negotiate(transport, 0, &features, &why);
    if (status != STATUS_OK)
        return fail(console, status, why);
    status = set_queue(console, &console->in, QUEUE_IN, memory);
    if (status == STATUS_OK)
        status = set_queue(console, &console->out, QUEUE_OUT, memory);
    if (status != STATUS_OK) {
        virtio_give_up(transport);
        return status;
    }
    virtqueue_set_interrupts(&console->in.queue, true);
    virtqueue_set_interrupts(&console->out.queue, false);
    for (unsigned i = 0; i < VIRTIO_CONSOLE_BUFFERS; i++)
        offer(&console->in, i, VIRTIO_CONSOLE_BUFFER_SIZE, true);
    virtio_start(transport);
    console->failed = false;
    notify(console, &console->in, QUEUE_IN);
    return STATUS_OK;
}

// Takes back the next buffer that the device is done with. False: there is none.
static bool take(struct virtio_console *console, struct virtio_console_way *way, unsigned *buffer,
                 uint32_t *written) {
    uint16_t head;
    enum status status = virtqueue_take(&way->queue, &head, written);
    if (status == STATUS_BUSY)
        return false;
    if (status != STATUS_OK) {
        abandon(console, "the console device answered what it was not asked (used ring)");
        return false;
    }
    *buffer = way->buffer[head];
    way->free |= 1u << *buffer;
    return true;
}

size_t virtio_console_read(struct virtio_console *console, void *bytes, size_t size) {
    uint8_t *to = bytes;
    size_t done = 0;
    bool returned = false;
    // Bounded, whatever the device does: it could go on for ever with empty buffers.
    for (unsigned n = 0; n < 2 * VIRTIO_CONSOLE_BUFFERS && !console->failed && done < size;) {
        if (console->at == console->filled) {
            n++;
            console->at = console->filled = 0;
            if (!take(console, &console->in, &console->taken, &console->filled))
                break;
        }
        size_t part = console->filled - console->at;
        if (part > size - done)
            part = size - done;
        memcpy(to + done, buffer_bytes(&console->in, console->taken) + console->at, part);
        console->at += (uint32_t)part;
        done += part;
        if (console->at == console->filled) {
            offer(&console->in, console->taken, VIRTIO_CONSOLE_BUFFER_SIZE, true);
            returned = true;
        }
    }
    if (returned && !console->failed)
        notify(console, &console->in, QUEUE_IN);
    return done;
}

// What the device has transmitted is free again.
static void reclaim(struct virtio_console *console) {
    unsigned buffer;
    uint32_t written;
    for (unsigned n = 0; n < VIRTIO_CONSOLE_BUFFERS && !console->failed; n++) {
        if (!take(console, &console->out, &buffer, &written))
            return;
    }
}

size_t virtio_console_write(struct virtio_console *console, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    size_t done = 0;
    // Twice: on the second look there is what was transmitted while interrupts were off.
    for (unsigned look = 0; look < 2 && done < size && !console->failed; look++) {
        struct virtio_console_way *out = &console->out;
        virtqueue_set_interrupts(&out->queue, look == 1);
        reclaim(console);
        size_t before = done;
        while (!console->failed && done < size && out->free != 0) {
            unsigned buffer = (unsigned)__builtin_ctz(out->free);
            size_t part = size - done;
            if (part > VIRTIO_CONSOLE_BUFFER_SIZE)
                part = VIRTIO_CONSOLE_BUFFER_SIZE;
            memcpy(buffer_bytes(out, buffer), from + done, part);
            offer(out, buffer, (uint32_t)part, false);
            done += part;
        }
        if (done != before)
            notify(console, out, QUEUE_OUT);
    }
    return done;
}

uint32_t virtio_console_interrupt(struct virtio_console *console) {
    return console->transport->operations->interrupt_acknowledge(console->transport);
}
