// The boot bundle: one file, loaded beside the core, that holds `init` ready to be mapped and
// the files that init starts from (the other servers' ELF images and the compiled manifest).
// Written by build/bundle.py, read by kernel/boot/ (the segments) and servers/init/ (the files).
//
// All numbers are little endian. Offsets count bytes from the bundle's first byte and are
// multiples of BUNDLE_PAGE; so is a segment's size, which includes its zeroed part.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAGIC 0x31544e5545584542u // "BEXEUNT1"
#define BUNDLE_VERSION 3u
#define BUNDLE_PAGE 4096u
#define BUNDLE_SEGMENTS 4
#define BUNDLE_FILES 32
#define BUNDLE_NAME 40
#define BUNDLE_CONTROLLER_PARTS 3

// The kinds of interrupt controller that a core drives, by `compatible` of the manifest's
// host/interrupt-controller@..., and what the bundle says of each: addresses but for PLIC's
// context.
enum bundle_controller {
    BUNDLE_NO_CONTROLLER,
    BUNDLE_PLIC,   // registers, this CPU's context there
    BUNDLE_GICV3,  // distributor, redistributors
    BUNDLE_GICV2,  // distributor, CPU interface, hypervisor interface
    BUNDLE_IOAPIC, // registers
};

// A loadable part of init: SIZE bytes at OFFSET in the bundle are mapped in place at VADDR.
struct bundle_segment {
    uint64_t vaddr;
    uint64_t offset;
    uint64_t size;
    uint64_t rights; // enum rights of ipc/cap.h: R, W, X
};

struct bundle_file {
    char name[BUNDLE_NAME]; // "sbi-server.elf", "manifest.dtb"; ends in a NUL
    uint64_t offset;
    uint64_t size; // in bytes; what follows up to the next page is zero
};

struct bundle_header {
    uint64_t magic;
    uint32_t version;
    uint32_t segment_count;
    uint32_t file_count;
    uint32_t controller_kind; // enum bundle_controller
    uint64_t size;            // of the whole bundle
    uint64_t object_memory;   // bytes behind the bundle that the core's objects are made of
    uint64_t entry;           // init's first instruction
    uint64_t console;         // the manifest's host/console@...: where a panic is told; 0: nowhere
    // As controller_kind says; 0 where there are fewer.
    uint64_t controller[BUNDLE_CONTROLLER_PARTS];
    struct bundle_segment segment[BUNDLE_SEGMENTS];
    struct bundle_file file[BUNDLE_FILES];
};

static_assert(sizeof(struct bundle_segment) == 32, "bundle.py writes this layout");
static_assert(sizeof(struct bundle_file) == 56, "bundle.py writes this layout");
static_assert(offsetof(struct bundle_header, size) == 24, "bundle.py writes this layout");
static_assert(offsetof(struct bundle_header, segment) == 80, "bundle.py writes this layout");
static_assert(offsetof(struct bundle_header, file) == 208, "bundle.py writes this layout");
static_assert(sizeof(struct bundle_header) <= BUNDLE_PAGE, "the header is one page");
