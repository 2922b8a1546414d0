#include "servers/fs-loader/place.h"

#include <stdarg.h>
#include <string.h>

#include "libs/text/text.h"

#define PAGE 4096ull
#define LARGE_PAGE (2ull << 20)

enum status place_fail(struct fs_job *job, enum status status, const char *format, ...) {
    size_t length = text_format(job->error, sizeof(job->error), "%.*s: ", FS_PATH, job->path);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(job->error + length, sizeof(job->error) - length, format, arguments);
    va_end(arguments);
    return status;
}

// One name can stand for several pieces of memory: the one that holds the job's address.
static const struct config_entry *find_window(const struct config *config, const struct fs_job *job,
                                              bool *any) {
    *any = false;
    for (uint32_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entry[i];
        if (entry->kind != CONFIG_WINDOW || strncmp(entry->name, job->window, CONFIG_NAME) != 0)
            continue;
        *any = true;
        if (job->address - entry->guest < entry->size)
            return entry;
    }
    return NULL;
}

enum status place_find(const struct config *config, struct fs_job *job,
                       struct loader_memory *memory, struct loader_memory *room) {
    bool any;
    const struct config_entry *entry = find_window(config, job, &any);
    if (!any)
        return place_fail(job, STATUS_NOT_FOUND,
                          "fs-loader has no memory called %.*s: give it that VM's in the manifest",
                          (int)sizeof(job->window), job->window);
    if (entry == NULL)
        return place_fail(job, STATUS_RANGE, "its address 0x%llx is not in the VM's memory",
                          (unsigned long long)job->address);
    // The disk writes by DMA, which asks nobody for a right.
    if (!(entry->rights & RIGHT_W))
        return place_fail(job, STATUS_DENIED,
                          "fs-loader may not write to %.*s: give it \"rw\" in the manifest",
                          (int)sizeof(job->window), job->window);
    uint64_t offset = job->address - entry->guest;
    uint64_t rest = entry->size - offset;
    uint8_t *bytes = (uint8_t *)(uintptr_t)entry->address;
    *memory = (struct loader_memory){bytes, entry->size, entry->guest};
    *room =
        (struct loader_memory){bytes + offset, job->limit < rest ? job->limit : rest, job->address};
    return STATUS_OK;
}

enum status place_top(const struct loader_memory *room, uint64_t size, uint64_t *guest) {
    if (size > room->size)
        return STATUS_RANGE;
    uint64_t highest = room->guest + (room->size - size);
    uint64_t aligned = highest & ~(LARGE_PAGE - 1);
    if (size >= LARGE_PAGE && aligned >= room->guest) {
        *guest = aligned;
        return STATUS_OK;
    }
    *guest = highest & ~(PAGE - 1);
    return *guest >= room->guest ? STATUS_OK : STATUS_RANGE;
}
