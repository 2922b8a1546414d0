// What the kernel does to a process's memory on its behalf. Each address is the process's and may
// be anything: what its regions do not allow it itself, is refused here. Pages are made as by a
// fault. The kernel reaches them through the linear map, never through the user's address.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

// False when not all `size` bytes could be read or written: EFAULT. What comes before the first
// wrong byte may have been written.
bool user_read(struct space *space, void *to, uint64_t from, size_t size);
bool user_write(struct space *space, uint64_t to, const void *from, size_t size);

// Copies a string with its end. Returns its length, or -EFAULT, or -ENAMETOOLONG when it has no end
// within `size` bytes.
int64_t user_string(struct space *space, char *to, uint64_t from, size_t size);

// Where the kernel finds the byte at `address`, and those behind it as far as the page goes; NULL
// when the process may not do that access. It stays there until the process's memory is changed in
// any way. Memory that two spaces share is at the same place for both.
void *user_pointer(struct space *space, uint64_t address, unsigned access);
