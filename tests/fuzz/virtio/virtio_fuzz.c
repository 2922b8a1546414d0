// A malicious block or console device: its registers read as the input says, and while a request is
// under way it writes what the input says anywhere into the memory that it shares with the driver.
// The driver never reads or writes outside of its own, never hangs, and says why it gives up.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/virtio/blk.h"
#include "libs/virtio/console.h"
#include "libs/virtio/mmio.h"

struct input {
    const uint8_t *bytes;
    size_t size;
    uint8_t *shared;
    uint32_t type, room; // of the device; bytes that it shares with the driver
    unsigned accesses;
    uint32_t status;
    bool honest; // the registers that identify a sound device do, so that the rest is reached
};

static uint32_t take(struct input *input, unsigned size) {
    uint32_t value = 0;
    if (size > input->size)
        size = (unsigned)input->size;
    memcpy(&value, input->bytes, size);
    input->bytes += size;
    input->size -= size;
    return value;
}

static uint32_t read_register(void *context, unsigned offset, unsigned size) {
    struct input *input = context;
    if (++input->accesses > 100000)
        abort(); // a loop without a bound
    static const struct {
        unsigned offset;
        uint32_t value;
    } sound[] = {{0, 0x74726976}, {4, 2}, {0x10, 0xffffffff}, {0x34, 128}, {0x44, 0}, {0xfc, 0}};
    for (unsigned i = 0; input->honest && i < sizeof(sound) / sizeof(sound[0]); i++) {
        if (sound[i].offset == offset)
            return sound[i].value;
    }
    if (input->honest && offset == 8)
        return input->type;
    if (input->honest && offset == 0x70)
        return input->status;
    return take(input, size);
}

static void write_register(void *context, unsigned offset, unsigned size, uint32_t value) {
    struct input *input = context;
    (void)size;
    if (offset == 0x70)
        input->status = value;
}

// Writes up to eight pieces to the shared memory, places near its rings first, then gives up.
static enum status work(void *context) {
    struct input *input = context;
    if (input->size == 0)
        return STATUS_IO;
    for (unsigned i = take(input, 1) % 8; i > 0; i--) {
        uint32_t at = take(input, 2) % input->room, size = take(input, 1) % 9;
        if (size > input->room - at)
            size = input->room - at;
        for (unsigned j = 0; j < size; j++)
            input->shared[at + j] = (uint8_t)take(input, 1);
    }
    return STATUS_OK;
}

static void check(const struct virtio_blk *blk, enum status status) {
    if (status != STATUS_OK && blk->error[0] == '\0')
        abort();
    if ((uint32_t)status >= STATUS_COUNT)
        abort();
}

static int run_console(struct input *input) {
    input->shared = aligned_alloc(16, input->room);
    const struct virtio_memory memory = {input->shared, 0x1000, input->room};
    const struct virtio_mmio_access access = {read_register, write_register, input};
    struct virtio_mmio mmio;
    struct virtio_console console;
    const char *why = NULL;
    uint8_t buffer[3000] = {0};
    if (virtio_mmio_open(&mmio, &access, &why) == STATUS_OK &&
        virtio_console_init(&console, &mmio.transport, &memory) == STATUS_OK) {
        for (unsigned i = 0; i < 40 && work(input) == STATUS_OK; i++) {
            uint32_t most = take(input, 2) % sizeof(buffer);
            size_t done = i % 2 == 0 ? virtio_console_read(&console, buffer, most)
                                     : virtio_console_write(&console, buffer, most);
            if (done > most || (console.failed && console.error[0] == '\0'))
                abort();
            (void)virtio_console_interrupt(&console);
        }
    }
    free(input->shared);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct input input = {.bytes = bytes, .size = size, .type = 2, .room = VIRTIO_BLK_MEMORY_SIZE};
    uint32_t shape = take(&input, 1);
    input.honest = shape & 1;
    if (shape & 2) {
        input.type = 3;
        input.room = VIRTIO_CONSOLE_MEMORY_SIZE;
        return run_console(&input);
    }
    input.shared =
        aligned_alloc(16, VIRTIO_BLK_MEMORY_SIZE); // the address sanitizer watches its ends
    const struct virtio_memory memory = {input.shared, 0x1000, VIRTIO_BLK_MEMORY_SIZE};
    const struct virtio_mmio_access access = {read_register, write_register, &input};
    const struct virtio_blk_wait wait = {work, NULL, &input};
    struct virtio_mmio mmio;
    struct virtio_blk blk;
    const char *why = NULL;
    if (virtio_mmio_open(&mmio, &access, &why) == STATUS_OK) {
        enum status status = virtio_blk_init(&blk, &mmio.transport, &memory, &wait, true);
        check(&blk, status);
        for (unsigned i = 0; i < 20 && input.size > 0; i++) {
            status = virtio_blk_read(&blk, take(&input, 2), take(&input, 3), take(&input, 4));
            check(&blk, status);
            (void)virtio_blk_interrupt(&blk);
        }
    } else if (why == NULL) {
        abort();
    }
    free(input.shared);
    return 0;
}
