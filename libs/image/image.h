// Guest images: what a file is, told by its content, and what of it goes where in the guest's
// memory.
//
// Flat binaries, ELF files and Linux' Image (Linux, Documentation/arch/riscv/boot-image-header.rst
// and Documentation/arch/arm64/booting.rst). Only the file's first bytes are looked at.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/elf/elf.h"

#define IMAGE_HEAD_SIZE ELF_HEADERS_SIZE // of the file's first bytes, unless it is shorter
#define IMAGE_PIECES_MOST 8u
#define IMAGE_MESSAGE_SIZE 256u // holds every message of image_plan()

enum image_kind { IMAGE_FLAT, IMAGE_LINUX, IMAGE_ELF };

struct image_request {
    const void *head;
    size_t head_size;
    uint64_t file_size;
    uint16_t machine; // ELF_MACHINE_*: the guest's architecture
    // The guest's memory, and how many bytes of it will hold other things: an initrd, the device
    // tree. They are only counted when a message says how much memory would be enough.
    uint64_t ram_base;
    uint64_t ram_size;
    uint64_t other_size;
    // Where a flat binary goes and is entered, which it cannot say itself.
    uint64_t flat_address;
    uint64_t flat_entry;
};

// FILE_SIZE bytes from FILE_OFFSET on go to GUEST_ADDRESS; behind them come zeros up to
// MEMORY_SIZE.
struct image_piece {
    uint64_t file_offset;
    uint64_t file_size;
    uint64_t guest_address; // guest-physical
    uint64_t memory_size;
};

struct image_plan {
    enum image_kind kind;
    uint64_t entry; // guest-physical
    unsigned piece_count;
    struct image_piece pieces[IMAGE_PIECES_MOST];
};

// Makes the plan: its pieces lie in the file and in the guest's memory, do not overlap, and the
// entry is in one of them. UNSUPPORTED: a kind of image that is not loaded, or for another
// architecture. CORRUPT: it contradicts itself. RANGE: it does not fit into the guest's memory, or
// its ELF headers are not at its beginning. INVALID: a flat binary's entry is not in it. The SIZE
// bytes at MESSAGE then hold a sentence for people that says what would help.
NODISCARD enum status image_plan(const struct image_request *request, struct image_plan *plan,
                                 char *message, size_t size);

// "flat binary", "Linux Image", "ELF file".
const char *image_kind_name(enum image_kind kind);
