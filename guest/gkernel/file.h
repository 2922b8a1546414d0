// Open files: the console, and files that the kernel makes up when they are read: /proc/PID/stat in
// Linux's format (proc(5)).
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FILE_MAX 16

enum file_kind { FILE_NONE, FILE_CONSOLE, FILE_STAT };

struct file {
    uint8_t kind;
    int pid;
    uint64_t at;
};

// By descriptor. A child gets a copy of its parent's.
struct file_table {
    struct file file[FILE_MAX];
};

// Descriptors 0, 1 and 2 are the console.
void file_table_init(struct file_table *files);

// The lowest free descriptor, or a negative errno: ENOENT, EMFILE.
int file_open(struct file_table *files, const char *path);
int file_close(struct file_table *files, int descriptor);

// Up to `size` bytes from or to kernel memory. Returns how many, 0 at the end, or a negative errno:
// EBADF, EINTR when the thread is killed while it waits for the console.
int64_t file_read(struct file_table *files, int descriptor, char *to, size_t size);
int64_t file_write(struct file_table *files, int descriptor, const char *from, size_t size);
