// What stands around fs-loader in its tests: a disk made by mkfs.fat and mtools, two guests'
// memory, and the parts of the server runtime that it calls.
#pragma once

#include "servers/fs-loader/loader.h"
#include "tests/unit/fat32/disk.h"

#define WORLD_ENTRIES 16
#define WORLD_RAM (16u << 20)
#define WORLD_GUEST 0x80000000u // where the guest sees it
#define WORLD_UPPER 0x90000000u // a second piece, of WORLD_PIECE bytes
#define WORLD_PIECE (1u << 20)
#define WORLD_LINES 16

struct world {
    struct disk disk;
    struct fat32 volume;
    uint8_t head[4096];
    struct loader loader;
    struct fs_jobs jobs;
    uint64_t region[32];
    uint8_t *ram;          // "guest-ram-0", all 0x5a
    uint8_t *piece;        // "guest-ram-0" again
    struct config *config; // in config_memory
    _Alignas(struct config) uint8_t
        config_memory[sizeof(struct config) + WORLD_ENTRIES * sizeof(struct config_entry)];

    // The runtime.
    uint64_t now;
    void (*at_now)(void);    // called by rt_now
    void (*at_call)(void);   // called by rt_call
    enum status call_status; // what rt_call answers
    unsigned calls;
    struct rt_words last_call;
    unsigned lines;
    char line[WORLD_LINES][256];
};

extern struct world world;

// The disk, for cmocka's group set-up and tear-down; the tests share it.
int world_make_disk(void **state);
int world_remove_disk(void **state);

// All but the disk as at a machine's start, the volume mounted, no jobs. And the end of that.
int world_begin(void **state);
int world_end(void **state);

struct config_entry *world_entry(const char *name, enum config_kind kind, const void *address,
                                 uint64_t size);

// Adds a job for "guest-ram-0"; returns it.
struct fs_job *world_job(enum fs_job_kind kind, const char *path, uint64_t address, uint64_t limit);

// Copies SIZE bytes to PATH on the disk.
void world_put(const char *path, const void *bytes, size_t size);

// The guest's bytes at the guest-physical ADDRESS.
uint8_t *world_guest(uint64_t address);

// How many of the guest's bytes from BEGIN on, below END, are not as they were at the start.
size_t world_changed(uint64_t begin, uint64_t end);
