// fs-loader's protocol. When init signals it does the jobs that init listed in a shared window
// (config name "jobs"), in order, and tells init of each (INIT_LOADED); it also serves FS_READ
// calls.
#pragma once

#include <assert.h>
#include <stdint.h>

#define FS_PATH 128
#define FS_JOBS 16

enum fs_job_kind {
    FS_JOB_IMAGE, // a guest's kernel: recognised by content, its parts placed in guest RAM
    FS_JOB_RAW,   // a file as it is, placed at guest address `address`, at most `limit` bytes
    FS_JOB_TOP, // a file as it is, placed page-aligned as high as it fits below `address` + `limit`
};

enum fs_job_state { FS_JOB_WAITING, FS_JOB_DONE, FS_JOB_FAILED };

struct fs_job {
    uint32_t kind;   // enum fs_job_kind
    uint32_t state;  // enum fs_job_state, written by fs-loader
    char window[24]; // the config entry of the memory that it goes into ("guest-ram-0")
    char path[FS_PATH];
    uint64_t address; // guest-physical: IMAGE: load address of a flat binary
    uint64_t limit;
    // Results.
    uint32_t status; // enum status
    uint32_t reserved;
    uint64_t bytes;  // of the file
    uint64_t placed; // guest-physical address of the first byte
    uint64_t end;    // guest-physical address behind all that was placed (bss included)
    uint64_t entry;  // IMAGE: where to enter the guest
    char error[160]; // what and why, for a person; empty when done
};

struct fs_jobs {
    uint32_t count;
    uint32_t reserved;
    struct fs_job job[FS_JOBS];
};

static_assert(sizeof(struct fs_jobs) <= 8192, "two pages");

// Calls on fs-loader's portal: word[0] = enum fs_op.
enum fs_op {
    FS_READ, // the path is at the start of the caller's shared window "fs-buffer"; the file's bytes
             // replace it. Reply: word[0] = status, word[1] = bytes
};
