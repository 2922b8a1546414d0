// The start and the receive loop. The config's entries: windows "virtio" (the registers of all
// virtio-mmio slots; with "function", the configuration space of a PCI function: where on the bus
// its registers are to be), "dma" (struct shared below), "jobs" (struct fs_jobs), those that the
// jobs name, "buffer" (what FS_READ reads to; optional) and "state" (optional); capability "init".
#include "arch/elf_machine.h"
#include "libs/image/image.h"
#include "servers/fs-loader/disk.h"
#include "servers/fs-loader/loader.h"

#define SLOTS_MAX 32

// What lies in the memory that the device reaches too.
struct shared {
    _Alignas(4096) uint8_t queue[VIRTIO_BLK_MEMORY_SIZE];
    uint8_t head[IMAGE_HEAD_SIZE];
    struct fat32 volume;
};

static struct loader loader;
static struct fs_disk disk;
static _Alignas(8) uint8_t own_state[STATE_SLOTS_AT + 2 * sizeof(struct loader_state)];

// Reads go to all memory that this server may write, its devices' registers aside.
static void add_memory(const struct config_entry *registers, const struct config_entry *function) {
    for (uint32_t i = 0; i < rt_config->count; i++) {
        const struct config_entry *entry = &rt_config->entry[i];
        if (entry->kind != CONFIG_WINDOW || !(entry->rights & RIGHT_W) || entry == registers ||
            entry == function)
            continue;
        const struct disk_memory memory = {(const uint8_t *)(uintptr_t)entry->address, entry->size,
                                           entry->physical};
        if (disk_add_memory(&disk, &memory) != STATUS_OK)
            rt_log("fs-loader: nothing is read to %s: there are too many windows", entry->name);
    }
}

// On a machine with virtio-mmio: the slots that the window shows.
static enum status open_slots(const struct config_entry *registers,
                              const struct virtio_memory *queue) {
    struct virtio_mmio_access slots[SLOTS_MAX];
    uint64_t count = 0;
    uint64_t slot_size = registers->guest != 0 ? registers->guest : DISK_SLOT_SIZE;
    for (; count < SLOTS_MAX && count < registers->size / slot_size; count++)
        slots[count] = virtio_mmio_window(
            (volatile void *)(uintptr_t)(registers->address + count * slot_size));
    return disk_open(&disk, slots, (unsigned)count, queue);
}

// On one with PCI: the disk's own place on the bus.
static enum status open_function(const struct config_entry *registers,
                                 const struct config_entry *function,
                                 const struct virtio_memory *queue) {
    const struct virtio_pci_place place = {(volatile void *)(uintptr_t)function->address,
                                           (volatile void *)(uintptr_t)registers->address,
                                           registers->physical, registers->size};
    return disk_open_pci(&disk, &place, queue);
}

static void open_disk(struct shared *shared, uint64_t physical) {
    const struct config_entry *registers = rt_need("virtio");
    const struct config_entry *function = rt_find("function", 0);
    add_memory(registers, function);
    disk.timebase = rt_config->timebase;
    loader.disk_error = disk.error;
    const struct virtio_memory queue = {shared->queue, physical, sizeof(shared->queue)};
    enum status status = function != NULL ? open_function(registers, function, &queue)
                                          : open_slots(registers, &queue);
    if (status != STATUS_OK) {
        loader_refuse(&loader, status, disk.error);
        return;
    }
    const struct block_reader reader = disk_reader(&disk);
    loader_mount(&loader, &reader);
}

static enum status take_over(void *taking) {
    const struct config_entry *dma = rt_need("dma");
    const struct config_entry *state = rt_find("state", 0);
    void *region = state != NULL ? (void *)(uintptr_t)state->address : own_state;
    size_t size = state != NULL ? state->size : sizeof(own_state);
    enum status status = loader_adopt(taking, region, size);
    if (status == STATUS_OK)
        open_disk((struct shared *)(uintptr_t)dma->address, dma->physical);
    return status;
}

int main(void) {
    loader.config = rt_config;
    loader.machine = ARCH_ELF_MACHINE;
    loader.init = rt_need("init")->slot;
    const struct config_entry *dma = rt_need("dma");
    if (dma->size < sizeof(struct shared) || dma->physical == 0)
        rt_die(
            "fs-loader: its memory for the disk has 0x%x bytes, it needs 0x%x: see `dma-size` in "
            "the manifest",
            (unsigned)dma->size, (unsigned)sizeof(struct shared));
    struct shared *shared = (struct shared *)(uintptr_t)dma->address;
    loader.volume = &shared->volume;
    loader.head = shared->head;
    const struct config_entry *jobs = rt_find("jobs", 0), *buffer = rt_find("buffer", 0);
    if (jobs != NULL && jobs->size >= sizeof(struct fs_jobs))
        loader.jobs = (struct fs_jobs *)(uintptr_t)jobs->address;
    if (buffer != NULL && (buffer->rights & RIGHT_W))
        loader.buffer =
            (struct loader_memory){(uint8_t *)(uintptr_t)buffer->address, buffer->size, 0};
    rt_succeed(take_over, LOADER_STATE_VERSION, loader_handle, &loader);
}
