// What a server runs in: its address space from its ELF file, its capabilities from the manifest.
#include <string.h>

#include "arch/elf_machine.h"
#include "libs/elf/elf.h"
#include "servers/init/init.h"

#define BODY_SPACE_PAGES 32
#define BODY_TASK_PAGES 2
#define BODY_CONFIG_BYTES 8192
#define BODY_CONFIG_ADDRESS 0x30000000ull
#define BODY_WINDOWS 0x40000000ull

// Images lie in here: one page table maps all of it, so that every image fits that is accepted.
#define BODY_IMAGE_BEGIN 0x10000ull
#define BODY_IMAGE_END 0x200000ull

void body_prepare(struct body *body, unsigned slot, uint64_t image, const char *name) {
    body->slot = slot;
    body->image = memory_take(image, 4096, name);
    body->config = memory_take(BODY_CONFIG_BYTES, 4096, name);
    body->space = objects_take(BODY_SPACE_PAGES, 4, name);
    body->task = objects_take(BODY_TASK_PAGES, 1, name);
}

// The pages that a segment takes.
static uint64_t segment_begin(const struct elf_segment *segment) {
    return segment->virtual_address & ~0xfffull;
}

static uint64_t segment_bytes(const struct elf_segment *segment) {
    uint64_t end = (segment->virtual_address + segment->memory_size + 0xfff) & ~0xfffull;
    return end - segment_begin(segment);
}

// PAGES_FREE is the first page that no segment before this one has. NULL: nothing is wrong.
static const char *segment_check(const struct elf_segment *segment, uint64_t pages_free) {
    if (segment->virtual_address < BODY_IMAGE_BEGIN || segment->virtual_address >= BODY_IMAGE_END ||
        segment->memory_size > BODY_IMAGE_END - segment->virtual_address) {
        return "it is not linked for addresses from 0x10000 to 0x200000, as servers are";
    }
    if (segment_begin(segment) < pages_free) {
        return "two of its segments share a page";
    }
    if (!(segment->flags & ELF_READ)) {
        return "a segment can't be read";
    }
    if (segment->flags & ELF_WRITE) {
        return segment->flags & ELF_EXECUTE ? "a segment is writable and executable" : NULL;
    }
    if ((segment->virtual_address ^ segment->file_offset) & 0xfff) {
        return "a segment does not begin in the file where it begins in its page";
    }
    if (segment->file_size != segment->memory_size) {
        return "a segment has zeros behind it and is not writable";
    }
    return NULL;
}

const char *body_check(const struct file *file, uint64_t *writable) {
    struct elf_image elf;
    const char *why = "";
    *writable = 0;
    if (elf_open(file->content, file->size, file->size, ARCH_ELF_MACHINE, &elf, &why) !=
        STATUS_OK) {
        return why;
    }
    uint64_t pages_free = 0;
    for (unsigned i = 0; i < elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&elf, i);
        why = segment_check(&segment, pages_free);
        if (why) {
            return why;
        }
        pages_free = segment_begin(&segment) + segment_bytes(&segment);
        *writable += segment.flags & ELF_WRITE ? segment_bytes(&segment) : 0;
    }
    return NULL;
}

bool body_stack_guard(const struct file *file, uint64_t address) {
    struct elf_image elf;
    const char *why;
    if (elf_open(file->content, file->size, file->size, ARCH_ELF_MACHINE, &elf, &why) !=
            STATUS_OK ||
        elf.segment_count == 0) {
        return false;
    }
    // The stack is the last segment, behind a page that is left free (server_<arch>.ld).
    struct elf_segment stack = elf_segment(&elf, elf.segment_count - 1);
    return (stack.flags & ELF_WRITE) && address < segment_begin(&stack) &&
           segment_begin(&stack) - address <= 4096;
}

// Maps what cannot change from the file itself; what can is a fresh copy in the body's own memory.
// FILE has been checked. Returns the entry.
static uint64_t body_map(const struct body *body, const struct file *file) {
    struct elf_image elf;
    const char *why;
    uint64_t at = body->image.physical;
    unsigned space = body->slot + 1;
    (void)!elf_open(file->content, file->size, file->size, ARCH_ELF_MACHINE, &elf, &why);
    for (unsigned i = 0; i < elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&elf, i);
        uint64_t begin = segment_begin(&segment);
        uint64_t bytes = segment_bytes(&segment);
        uint64_t offset = segment.file_offset & ~0xfffull;
        uint64_t rights =
            (segment.flags & ELF_READ ? RIGHT_R : 0) | (segment.flags & ELF_EXECUTE ? RIGHT_X : 0);
        if (segment.flags & ELF_WRITE) {
            uint64_t lead = segment.virtual_address - begin;
            char *to = memory_see(at);
            memset(to, 0, bytes);
            memcpy(to + lead, file->content + segment.file_offset, segment.file_size);
            core_map(space, begin, at, bytes, RIGHT_R | RIGHT_W, file->name);
            at += bytes;
        } else if (file->memory.size) {
            core_map(space, begin, file->memory.physical + offset, bytes, rights, file->name);
        } else {
            core_map_bundle(space, begin, file->offset + offset, bytes, rights, file->name);
        }
    }
    return elf.entry;
}

static void body_configure(const struct server *server, const struct body *body, bool side) {
    struct config *config = memory_see(body->config.physical);
    struct config_writer writer = {
        .server = (unsigned)(server - init.server),
        .body = body,
        .side = side,
        .slot = 1,
        .address = BODY_WINDOWS,
        .config = config,
        .text = (char *)config + body->config.size,
    };
    memory_clear(body->config);
    config_write(&writer);
    // Texts were written where init sees the page: the server sees it elsewhere.
    for (uint32_t i = 0; i < config->count; i++) {
        struct config_entry *entry = &config->entry[i];
        if (entry->kind == CONFIG_TEXT) {
            entry->address = entry->address - (uint64_t)(uintptr_t)config + BODY_CONFIG_ADDRESS;
        }
    }
}

uint64_t body_make(struct server *server, struct body *body, const struct file *file, bool side) {
    const char *name = server->manifest->name;
    unsigned task = body->slot;
    unsigned space = task + 1;
    core_create(OBJECT_SPACE, body->space, space, 0, 0, name);
    core_create(OBJECT_TASK, body->task, task, space, 0, name);
    uint64_t entry = body_map(body, file);
    core_map(space, BODY_CONFIG_ADDRESS, body->config.physical, body->config.size, RIGHT_R, name);
    server->incarnation++;
    body_configure(server, body, side);
    uint64_t fault[] = {task, SLOT_INIT_PORTAL, server_badge(server, side)};
    core_bind(BIND_FAULT, fault, 3, name);
    if (server->manifest->guest_access) {
        core_task(task, TASK_GUEST, 1, 0, 0, name);
    }
    return entry;
}

void body_start(const struct body *body, uint64_t entry) {
    core_task(body->slot, TASK_START, entry, 0, BODY_CONFIG_ADDRESS, "a server's task");
}

void body_end(const struct body *body) {
    core_destroy(body->slot, "a server's task");
    core_destroy(body->slot + 1, "a server's address space");
}
