#include "servers/fs-loader/disk.h"

#include "libs/rt/rt.h"
#include "libs/text/text.h"

// A request that takes longer than both is given up. The clock alone does not say that the device
// had time: where the whole machine stood still right behind the request (a suspended one, or one
// on a busy host), the clock may have gone on, and the device has not.
#define TIMEOUT_SECONDS 5u
#define TIMEOUT_LOOKS 100000u

enum status disk_add_memory(struct fs_disk *disk, const struct disk_memory *memory) {
    if (disk->memory_count == DISK_MEMORIES)
        return STATUS_NO_MEMORY;
    disk->memory[disk->memory_count++] = *memory;
    return STATUS_OK;
}

static void begin_waiting(void *context) {
    struct fs_disk *disk = context;
    disk->deadline = rt_now() + TIMEOUT_SECONDS * disk->timebase;
    disk->looks = 0;
}

// Looking at the device's status instead of only at memory: a device that fails says so there, and
// a register takes so long to read that the wait takes few instructions.
static enum status keep_waiting(void *context) {
    struct fs_disk *disk = context;
    if (disk->transport->operations->status(disk->transport) & VIRTIO_STATUS_NEEDS_RESET) {
        disk->broken = true;
        return STATUS_IO;
    }
    disk->looks++;
    return rt_now() < disk->deadline || disk->looks < TIMEOUT_LOOKS ? STATUS_OK : STATUS_IO;
}

static enum status fail(struct fs_disk *disk, enum status status, const char *why) {
    text_format(disk->error, sizeof(disk->error), "%s", why);
    return status;
}

// Sets up the device that was found.
static enum status begin(struct fs_disk *disk, struct virtio_transport *transport,
                         const struct virtio_memory *queue) {
    const struct virtio_blk_wait wait = {keep_waiting, begin_waiting, disk};
    disk->transport = transport;
    enum status status = virtio_blk_init(&disk->blk, transport, queue, &wait, /*interrupts=*/false);
    if (status != STATUS_OK)
        return fail(disk, status, virtio_blk_error_text(&disk->blk));
    return STATUS_OK;
}

enum status disk_open(struct fs_disk *disk, const struct virtio_mmio_access *slots, unsigned count,
                      const struct virtio_memory *queue) {
    disk->error[0] = '\0';
    const char *why = NULL; // what was wrong with the last block device that is none to us
    for (unsigned i = 0; i < count; i++) {
        const char *wrong;
        enum status status = virtio_mmio_open(&disk->mmio, &slots[i], &wrong);
        // Where there are no registers at all, the type means nothing.
        if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT ||
            disk->mmio.transport.type != VIRTIO_TYPE_BLOCK)
            continue;
        if (status == STATUS_OK)
            return begin(disk, &disk->mmio.transport, queue);
        why = wrong;
    }
    if (why != NULL)
        return fail(disk, STATUS_UNSUPPORTED, why);
    return fail(disk, STATUS_NOT_FOUND,
                "no virtio-mmio slot has a block device: give QEMU -drive "
                "file=IMG,if=none,format=raw,id=d0 -device virtio-blk-device,drive=d0");
}

enum status disk_open_pci(struct fs_disk *disk, const struct virtio_pci_place *place,
                          const struct virtio_memory *queue) {
    const char *why;
    disk->error[0] = '\0';
    enum status status = virtio_pci_open(&disk->pci, place, &why);
    return status == STATUS_OK ? begin(disk, &disk->pci.transport, queue) : fail(disk, status, why);
}

// The address that the device knows BUFFER by.
static enum status translate(const struct fs_disk *disk, const uint8_t *buffer, uint64_t size,
                             uint64_t *physical) {
    for (unsigned i = 0; i < disk->memory_count; i++) {
        const struct disk_memory *memory = &disk->memory[i];
        uint64_t offset = (uintptr_t)buffer - (uintptr_t)memory->bytes;
        if (offset < memory->size && size <= memory->size - offset) {
            *physical = memory->physical + offset;
            return STATUS_OK;
        }
    }
    return STATUS_RANGE;
}

static enum status read_sectors(void *context, uint64_t sector, uint32_t count, void *buffer) {
    struct fs_disk *disk = context;
    disk->error[0] = '\0';
    disk->broken = false;
    uint64_t physical;
    uint64_t size = (uint64_t)count * BLOCK_SECTOR_SIZE;
    enum status status = translate(disk, buffer, size, &physical);
    if (status != STATUS_OK)
        return fail(disk, status, "the memory to read to is not the disk's");
    status = virtio_blk_read(&disk->blk, sector, count, physical);
    if (status != STATUS_OK)
        return fail(disk, status,
                    disk->broken ? "the block device broke down and asks to be reset"
                                 : virtio_blk_error_text(&disk->blk));
    return STATUS_OK;
}

struct block_reader disk_reader(struct fs_disk *disk) {
    return (struct block_reader){read_sectors, disk, disk->blk.capacity};
}
