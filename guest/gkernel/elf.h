// Loading a static ELF program (ELF-64 Object File Format 1.5) into a space.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

// Adds a region for each segment; the file is read when its pages are touched, so it must stay.
// False when it is no program for this machine, or asks for memory that a program can't have.
bool elf_load(struct space *space, const uint8_t *file, uint64_t size, uint64_t *entry);
