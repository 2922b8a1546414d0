// A manifest that a test changes in one place, to see what the library says to it. The changes are
// made by libfdt; every function ends the test when one can't be made.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libs/manifest/manifest.h"

#define EDIT_SIZE 0xf000

struct edit {
    _Alignas(8) uint8_t blob[EDIT_SIZE];
    const char *arch;         // NULL: riscv64
    const uint8_t *blank;     // of that, the default manifest
    struct manifest manifest; // of the last parse
    struct manifest_error error;
};

// Begins anew with the default manifest, or with another.
void edit_reset(struct edit *edit);
void edit_reset_aarch64(struct edit *edit); // and from then on, with that one's
void edit_reset_x86_64(struct edit *edit);  // with that one's
void edit_load(struct edit *edit, const uint8_t *blob);

// Sets a property of the node PATH; the node must exist.
void edit_text(struct edit *edit, const char *path, const char *property, const char *text);
void edit_bytes(struct edit *edit, const char *path, const char *property, const void *bytes,
                size_t size);
void edit_cells(struct edit *edit, const char *path, const char *property, const uint32_t *cells,
                size_t count);
void edit_drop(struct edit *edit, const char *path, const char *property);

// Adds the node NAME to PATH, or removes the node PATH.
void edit_add(struct edit *edit, const char *path, const char *name);
void edit_remove(struct edit *edit, const char *path);

// A property that is one number, or an address and a size.
#define EDIT_CELLS(edit, path, property, ...)                                                      \
    edit_cells(edit, path, property, (const uint32_t[]){__VA_ARGS__},                              \
               sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
void edit_reg(struct edit *edit, const char *path, uint64_t address, uint64_t size);

// Several texts, as "a\0b".
#define EDIT_LIST(edit, path, property, list) edit_bytes(edit, path, property, list, sizeof(list))

enum status edit_parse(struct edit *edit);
void edit_expect_good(struct edit *edit);

// The manifest is refused with STATUS, and the message names NODE and PROPERTY and goes on with
// TEXT. Begins anew with the default manifest.
void edit_expect(struct edit *edit, enum status status, const char *node, const char *property,
                 const char *text);
