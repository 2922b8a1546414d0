// Starting a server: its address space from its ELF file, its capabilities from the manifest.
#include <string.h>

#include "arch/elf_machine.h"
#include "libs/elf/elf.h"
#include "servers/init/init.h"

#define SERVER_SPACE_PAGES 32
#define SERVER_TASK_PAGES 2
#define SERVER_CONFIG_BYTES 8192
#define SERVER_CONFIG_ADDRESS 0x30000000ull
#define TICKS_PER_SECOND_OF_CORE 100 // the core's tick is 10 ms at the usual timebase

static const void *server_file(const struct server *server) {
    return (const char *)init.bundle + server->file->offset;
}

static void server_open(const struct server *server, struct elf_image *elf) {
    const char *why = "";
    enum status status = elf_open(server_file(server), server->file->size, server->file->size,
                                  ARCH_ELF_MACHINE, elf, &why);
    if (status != STATUS_OK) {
        init_refuse("init: /servers/%s: image `%s`: %s", server->manifest->name, server->file->name,
                    why);
        init_end(1);
    }
}

// The pages that a segment takes.
static uint64_t segment_begin(const struct elf_segment *segment) {
    return segment->virtual_address & ~0xfffull;
}

static uint64_t segment_bytes(const struct elf_segment *segment) {
    uint64_t end = (segment->virtual_address + segment->memory_size + 0xfff) & ~0xfffull;
    return end - segment_begin(segment);
}

static const struct bundle_file *server_find_file(const char *name) {
    for (uint32_t i = 0; i < init.bundle->file_count && i < BUNDLE_FILES; i++) {
        if (strncmp(init.bundle->file[i].name, name, BUNDLE_NAME) == 0) {
            return &init.bundle->file[i];
        }
    }
    return NULL;
}

void server_prepare(unsigned index) {
    struct server *server = &init.server[index];
    const struct manifest_server *manifest = &init.manifest.server[index];
    const char *name = manifest->name;
    server->manifest = manifest;
    server->file = server_find_file(manifest->image);
    if (!server->file) {
        init_refuse("init: /servers/%s: property `image`: the boot bundle has no file `%s`", name,
                    manifest->image);
        init_end(1);
    }
    struct elf_image elf;
    server_open(server, &elf);
    uint64_t writable = 0;
    for (unsigned i = 0; i < elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&elf, i);
        if (segment.flags & ELF_WRITE) {
            writable += segment_bytes(&segment);
        }
    }
    server->image = memory_take(writable, 4096, name);
    server->config = memory_take(SERVER_CONFIG_BYTES, 4096, name);
    server->log = memory_take(sizeof(struct ring), 4096, name);
    memory_clear(server->log);
    if (manifest->state_size) {
        server->state = memory_take(manifest->state_size, 4096, name);
        memory_clear(server->state);
    }
    if (manifest->dma_size) {
        server->dma = memory_take(manifest->dma_size, 4096, name);
        memory_clear(server->dma);
    }
    server->space = objects_take(SERVER_SPACE_PAGES, 4, name);
    server->task = objects_take(SERVER_TASK_PAGES, 1, name);
    server->portal = objects_take(1, 1, name);
    server->irq = objects_take(manifest->interrupt_count, 1, name);
    // The core counts whole ticks; one may pass at once.
    uint64_t ticks = (uint64_t)manifest->deadline_ms * TICKS_PER_SECOND_OF_CORE / 1000 + 1;
    core_create(OBJECT_PORTAL, server->portal, SLOT_SERVER(index) + SERVER_SLOT_PORTAL, ticks, 0, 0,
                name);
}

// Maps what the ELF file says; what is writable is a fresh copy in the server's own memory.
static uint64_t server_map_image(struct server *server, unsigned space) {
    struct elf_image elf;
    uint64_t at = server->image.physical;
    server_open(server, &elf);
    for (unsigned i = 0; i < elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&elf, i);
        uint64_t begin = segment_begin(&segment);
        uint64_t bytes = segment_bytes(&segment);
        uint64_t rights = (segment.flags & ELF_READ ? RIGHT_R : 0) |
                          (segment.flags & ELF_WRITE ? RIGHT_R | RIGHT_W : 0) |
                          (segment.flags & ELF_EXECUTE ? RIGHT_X : 0);
        if (!(rights & RIGHT_W)) {
            uint64_t offset = server->file->offset + segment.file_offset;
            core_map_bundle(space, begin, offset & ~0xfffull, bytes, rights, server->file->name);
            continue;
        }
        char *to = memory_see(at);
        uint64_t lead = segment.virtual_address - begin;
        memset(to, 0, bytes);
        memcpy(to + lead, (const char *)server_file(server) + segment.file_offset,
               segment.file_size);
        core_map(space, begin, at, bytes, rights, server->file->name);
        at += bytes;
    }
    return elf.entry;
}

static void server_bind(unsigned index) {
    const struct server *server = &init.server[index];
    unsigned slot = SLOT_SERVER(index);
    const char *name = server->manifest->name;
    uint64_t portal[] = {slot + SERVER_SLOT_PORTAL, slot + SERVER_SLOT_TASK};
    core_bind(BIND_PORTAL, portal, 2, name);
    uint64_t fault[] = {slot + SERVER_SLOT_TASK, SLOT_INIT_PORTAL, index};
    core_bind(BIND_FAULT, fault, 3, name);
    if (server->manifest->guest_access) {
        core_task(slot + SERVER_SLOT_TASK, TASK_GUEST, 1, 0, 0, name);
    }
}

// Lines last as long as the portal: a restarted server gets what fired meanwhile.
static void server_interrupts(unsigned index) {
    const struct server *server = &init.server[index];
    uint64_t offset = init.manifest.interrupt_controller.host.address;
    for (unsigned i = 0; i < server->manifest->interrupt_count; i++) {
        unsigned slot = SLOT_SERVER(index) + SERVER_SLOT_IRQ + i;
        struct objects page = {server->irq.first + i, 1};
        // The controller's registers, as a frame of their own in the next slot but some.
        unsigned frame = SLOT_SERVER(index) + 15;
        core_grant_frame(INIT_SLOT_TASK, frame,
                         (struct memory){offset, init.manifest.interrupt_controller.host.size},
                         RIGHT_R | RIGHT_W, "the interrupt controller");
        core_create(OBJECT_IRQ, page, slot, server->manifest->interrupt[i], frame,
                    init.manifest.interrupt_controller.context, server->manifest->name);
        core_destroy(frame, "the interrupt controller");
        uint64_t bind[] = {slot, SLOT_SERVER(index) + SERVER_SLOT_PORTAL, 0};
        core_bind(BIND_IRQ, bind, 3, server->manifest->name);
    }
}

void server_start(unsigned index) {
    struct server *server = &init.server[index];
    unsigned slot = SLOT_SERVER(index);
    const char *name = server->manifest->name;
    core_create(OBJECT_SPACE, server->space, slot + SERVER_SLOT_SPACE, 0, 0, 0, name);
    core_create(OBJECT_TASK, server->task, slot + SERVER_SLOT_TASK, slot + SERVER_SLOT_SPACE, 0, 0,
                name);
    uint64_t entry = server_map_image(server, slot + SERVER_SLOT_SPACE);
    core_map(slot + SERVER_SLOT_SPACE, SERVER_CONFIG_ADDRESS, server->config.physical,
             server->config.size, RIGHT_R, name);
    server->incarnation++;
    struct config_writer writer = {
        .server = index,
        .slot = 1,
        .address = 0x40000000,
        .config = memory_see(server->config.physical),
        .text = (char *)memory_see(server->config.physical) + server->config.size,
    };
    memory_clear(server->config);
    config_write(&writer);
    // Texts were written where init sees the page: the server sees it elsewhere.
    for (uint32_t i = 0; i < writer.config->count; i++) {
        struct config_entry *entry_at = &writer.config->entry[i];
        if (entry_at->kind == CONFIG_TEXT) {
            entry_at->address =
                entry_at->address - (uint64_t)(uintptr_t)writer.config + SERVER_CONFIG_ADDRESS;
        }
    }
    server_bind(index);
    if (server->incarnation == 1) {
        server_interrupts(index);
    }
    core_task(slot + SERVER_SLOT_TASK, TASK_START, entry, 0, SERVER_CONFIG_ADDRESS, name);
    (void)!rt_signal(slot + SERVER_SLOT_PORTAL); // its first record, if no other waits there
}

void server_restart(unsigned index) {
    unsigned slot = SLOT_SERVER(index);
    const char *name = init.server[index].manifest->name;
    core_destroy(slot + SERVER_SLOT_TASK, name);
    core_destroy(slot + SERVER_SLOT_SPACE, name);
    server_start(index);
}
