// Where in a guest's memory a file goes.
#pragma once

#include "servers/fs-loader/loader.h"

// The part of JOB's memory that it may use: from its address on, LIMIT bytes, if the memory is as
// large. The message in job->error says what is wrong: NOT_FOUND, the config has no memory of that
// name. RANGE: the address is not in it. DENIED: it may not be written.
NODISCARD enum status place_find(const struct config *config, struct fs_job *job,
                                 struct loader_memory *memory, struct loader_memory *room);

// The highest place for SIZE bytes in ROOM: at a multiple of 2 MiB if they are that many and it can
// be, else of a page. RANGE: there is none.
NODISCARD enum status place_top(const struct loader_memory *room, uint64_t size, uint64_t *guest);

// Fills in job->error, which begins with the job's path. Returns STATUS.
enum status place_fail(struct fs_job *job, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
