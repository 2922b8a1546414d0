// Programs: a file in the flash becomes a process's memory, with arguments on its stack as Linux
// puts them there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/gkernel/process.h"

// Arguments and environment, as one string behind the other, each with its end; no more than a
// page.
#define PROGRAM_TEXT_SIZE 4096
struct program_arguments {
    unsigned count;       // of arguments
    unsigned environment; // of those behind them
    size_t used;
    char *text; // PROGRAM_TEXT_SIZE bytes
};

// False when there is no room for it.
bool program_add_argument(struct program_arguments *arguments, const char *text);

struct program_image {
    struct space *space;
    uint64_t entry, stack;
    const char *name;
};

// Makes a space with the program and its stack. `path`: what is behind the last slash is its name
// in the flash. Returns 0 or a negative errno, when a line in the log has said what is wrong:
// ENOENT (which needs no line), ENOEXEC, EIO (the flash is damaged), ENOMEM, E2BIG.
int program_load(const char *path, const struct program_arguments *arguments,
                 struct program_image *image);

// Runs the program to its end: `words` is its name, and arguments behind commas. Returns its exit
// code, 128 + signal if it was killed, 127 if it could not be started.
int program_run(const char *words, size_t length);
