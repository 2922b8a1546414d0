// Writes a device tree in sequence and keeps the first error, so that one look at the end is
// enough.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libs/manifest/manifest.h"

struct writer {
    void *fdt;
    int error; // libfdt's first, or 0
};

void writer_start(struct writer *writer, void *buffer, size_t size);
void writer_finish(struct writer *writer);

void writer_begin(struct writer *writer, const char *name);
// The node NAME@ADDRESS with its `reg`; NAME is a manifest's.
void writer_begin_at(struct writer *writer, const char *name, struct manifest_range range);
// The same with two ranges, the second one only if it has a size.
void writer_begin_at_two(struct writer *writer, const char *name, struct manifest_range first,
                         struct manifest_range second);
void writer_end(struct writer *writer);

void writer_flag(struct writer *writer, const char *property);
void writer_u32(struct writer *writer, const char *property, uint32_t value);
void writer_u64(struct writer *writer, const char *property, uint64_t value);
void writer_text(struct writer *writer, const char *property, const char *text);
void writer_bytes(struct writer *writer, const char *property, const void *bytes, size_t size);

// #address-cells and #size-cells, for the node's children.
void writer_cells(struct writer *writer, uint32_t address, uint32_t size);
