// fs-loader: reads files from a FAT32 file system. At its start it puts guests' images into their
// memory, by the jobs that init listed (ipc/fs.h); later it serves FS_READ.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/fs.h"
#include "ipc/status.h"
#include "libs/fat32/fat32.h"
#include "libs/rt/rt.h"
#include "libs/state/state.h"

#define LOADER_STATE_VERSION 1u

// What one fs-loader leaves to the next.
struct loader_state {
    uint64_t told; // jobs that init knows the end of: bits 1 << number
};

// Where a file's bytes can go.
struct loader_memory {
    uint8_t *bytes;
    uint64_t size;
    uint64_t guest; // guest-physical
};

struct loader {
    struct fat32 *volume;
    enum status mounted;    // not OK: there is no volume to read from, see volume_error
    const char *disk_error; // what the disk has to say of the last error; "": nothing
    char volume_error[FAT32_ERROR_SIZE];
    uint8_t *head;    // IMAGE_HEAD_SIZE bytes that the disk's reads can go to
    uint16_t machine; // ELF_MACHINE_*, of the guests
    const struct config *config;
    struct fs_jobs *jobs;        // shared with init; NULL: none
    struct loader_memory buffer; // of FS_READ; size 0: none
    unsigned init;               // slot of init's portal
    struct state state;
};

// Takes over the state in the SIZE bytes at REGION, or begins it when there is none or a damaged
// one. UNSUPPORTED: a newer version wrote it. NO_MEMORY: the region is too small.
NODISCARD enum status loader_adopt(struct loader *loader, void *region, size_t size);

// Mounts what is on READER.
void loader_mount(struct loader *loader, const struct block_reader *reader);

// Says why there is no disk. Everything that wants to read will fail by that.
void loader_refuse(struct loader *loader, enum status status, const char *why);

// Does JOB: its results are filled in but for its state. OK or what `status` says.
enum status loader_do_job(struct loader *loader, struct fs_job *job);

// Does all jobs that wait, in order, and tells init of the end of each once.
void loader_do_jobs(struct loader *loader);

// The server's logic; STATE is its struct loader.
rt_handler loader_handle;
