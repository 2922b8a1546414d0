// The start, and the one call that is served.
#include <string.h>

#include "libs/text/text.h"
#include "servers/fs-loader/loader.h"

enum status loader_adopt(struct loader *loader, void *region, size_t size) {
    const struct state_layout layout = {
        .owner = "fs-loader",
        .version = LOADER_STATE_VERSION,
        .size = sizeof(struct loader_state),
    };
    enum status status = state_open(&loader->state, region, size, &layout);
    if (status == STATUS_CORRUPT) {
        // What is lost by beginning anew: init is told of ended jobs once more.
        memset(region, 0, sizeof(struct state_header));
        status = state_open(&loader->state, region, size, &layout);
    }
    return status;
}

void loader_refuse(struct loader *loader, enum status status, const char *why) {
    loader->mounted = status;
    text_format(loader->volume_error, sizeof(loader->volume_error), "%s", why);
}

void loader_mount(struct loader *loader, const struct block_reader *reader) {
    loader->mounted = fat32_mount(loader->volume, reader);
    if (loader->mounted == STATUS_OK)
        return;
    const char *why = fat32_error_text(loader->volume);
    if (loader->disk_error[0] != '\0')
        text_format(loader->volume_error, sizeof(loader->volume_error), "%s: %s",
                    loader->disk_error, why);
    else
        loader_refuse(loader, loader->mounted, why);
}

// Reads the file named at the buffer's beginning into the buffer. *BYTES is its size, read or not.
static enum status read_file(struct loader *loader, uint64_t *bytes) {
    const struct loader_memory *buffer = &loader->buffer;
    if (buffer->size < FS_PATH)
        return STATUS_UNSUPPORTED;
    char path[FS_PATH]; // a copy: the caller can change its own
    memcpy(path, buffer->bytes, sizeof(path));
    if (memchr(path, '\0', sizeof(path)) == NULL)
        return STATUS_INVALID;
    if (loader->mounted != STATUS_OK) {
        rt_log("fs-loader: %s: disk: %s", path, loader->volume_error);
        return loader->mounted;
    }
    struct fat32_file file;
    size_t got = 0;
    enum status status = fat32_open(loader->volume, path, &file);
    if (status == STATUS_OK) {
        *bytes = file.size;
        if (file.size > buffer->size)
            return STATUS_RANGE;
        status = fat32_read(&file, 0, buffer->bytes, file.size, &got);
    }
    if (status != STATUS_OK)
        rt_log("fs-loader: %s: %s", path, fat32_error_text(loader->volume));
    return status;
}

void loader_handle(void *state, const struct message *record, struct reply *reply) {
    struct loader *loader = state;
    // init has listed jobs; or it is the first record of a server whose predecessor died over them.
    if (MESSAGE_CLASS(record->info) == EXIT_SIGNAL)
        loader_do_jobs(loader);
    if (MESSAGE_CLASS(record->info) != EXIT_CALL)
        return;
    if (record->word[0] == FS_READ)
        reply->word[0] = read_file(loader, &reply->word[1]);
    else
        reply->word[0] = STATUS_UNSUPPORTED;
}
