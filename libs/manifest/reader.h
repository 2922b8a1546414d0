// Reads single properties of a manifest's nodes, and writes down the first thing that is wrong.
//
// The first failure is kept in the reader; what is read after it is of no use, but harmless. So a
// node is read without a branch behind every property, and whoever loops asks reader_failed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/manifest/arch.h"
#include "libs/manifest/manifest.h"

#define READER_PAGE 4096u

// Server windows, passthroughs of all VMs, the interrupt controller and its parts, and the reset
// device.
#define READER_HOST_CLAIMS                                                                         \
    (MANIFEST_SERVERS * MANIFEST_WINDOWS + MANIFEST_VMS * MANIFEST_PASSTHROUGH + 2 +               \
     MANIFEST_CONTROLLER_PARTS)
#define READER_GUEST_CLAIMS (MANIFEST_MEMORY + MANIFEST_PASSTHROUGH + 2 * MANIFEST_DEVICES)

// A range of addresses that a node says is its own.
struct reader_claim {
    struct manifest_range range;
    int node;
    bool shared; // two such may overlap
};

struct reader {
    const void *fdt;
    const struct manifest_arch *arch;
    const struct manifest_controller *controller; // the machine's; NULL: it has none
    struct manifest *manifest;
    struct manifest_error *error;
    enum status status; // of the first failure
    unsigned host_count;
    struct reader_claim host[READER_HOST_CLAIMS];
    unsigned guest_count; // of the VM that is being read
    struct reader_claim guest[READER_GUEST_CLAIMS];
};

enum reader_presence { READER_REQUIRED, READER_OPTIONAL };

// What a node may hold. Lists end in NULL; a list that is NULL is not checked here.
struct reader_form {
    const char *const *properties;
    const struct manifest_feature *features; // more properties
    const char *const *children;             // without their unit addresses
};

// Writes down what is wrong with PROPERTY ("" for the node itself) of NODE: FORMAT goes on with a
// sentence whose subject is the property, or the node. Understands what text_format does.
void reader_fail(struct reader *reader, enum status status, int node, const char *property,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

static inline bool reader_failed(const struct reader *reader) {
    return reader->status != STATUS_OK;
}

// Fails on whatever NODE holds twice, or holds and should not.
void reader_check_form(struct reader *reader, int node, const struct reader_form *form);

// The child NAME of NODE, below zero when there is none; REQUIRED: that is a failure.
int reader_child(struct reader *reader, int node, const char *name, enum reader_presence presence);

// Whether NODE has PROPERTY at all.
bool reader_has(struct reader *reader, int node, const char *property);

// The node's own name, without its unit address.
void reader_name(struct reader *reader, int node, char name[MANIFEST_NAME]);

// A number of one or two cells, MIN to MAX; ABSENT when it is optional and not there.
uint64_t reader_number(struct reader *reader, int node, const char *property, uint64_t min,
                       uint64_t max);
uint64_t reader_number_or(struct reader *reader, int node, const char *property, uint64_t min,
                          uint64_t max, uint64_t absent);

// A number of bytes that are whole pages, of two cells at most; 0 only when it is optional.
uint64_t reader_pages(struct reader *reader, int node, const char *property, uint64_t max,
                      enum reader_presence presence);

// A property without a value: it is there, or not.
bool reader_flag(struct reader *reader, int node, const char *property);

// The *LENGTH bytes of PROPERTY's value if it is one printable text or more, each with its NUL;
// else NULL, with a failure.
const char *reader_texts(struct reader *reader, int node, const char *property, int *length);

// One printable text, copied into the SIZE bytes at TEXT; "" when it is optional and not there.
void reader_text(struct reader *reader, int node, const char *property, char *text, size_t size,
                 enum reader_presence presence);

// The index of the one that the text PROPERTY is, of LIST, which ends in NULL.
unsigned reader_choice(struct reader *reader, int node, const char *property,
                       const char *const *list);

// The server that PROPERTY names; MANIFEST_NONE when it is optional and not there.
uint8_t reader_server(struct reader *reader, int node, const char *property,
                      enum reader_presence presence);

// The servers that the list of texts PROPERTY names, as bits; init among them as MANIFEST_INIT.
uint32_t reader_servers(struct reader *reader, int node, const char *property);

// Rights written as text, one of LIST, which ends in NULL.
uint32_t reader_rights(struct reader *reader, int node, const char *property,
                       const char *const *list);

// `reg`: an address and a size of two cells each, both multiples of ALIGN, below 2^BITS; the
// address is the node's unit address too.
struct manifest_range reader_reg(struct reader *reader, int node, uint64_t align, unsigned bits);

// Where PART of an interrupt controller is, for COUNT CPUs one behind the other, below 2^BITS.
struct manifest_range reader_part(struct reader *reader, int node,
                                  const struct manifest_arch_part *part, unsigned count,
                                  unsigned bits);

// Takes RANGE for NODE; fails when another node has part of it, and not both are SHARED.
void reader_claim_host(struct reader *reader, int node, const char *property,
                       struct manifest_range range, bool shared);
void reader_claim_guest(struct reader *reader, int node, const char *property,
                        struct manifest_range range);

static inline bool reader_overlap(struct manifest_range a, struct manifest_range b) {
    return a.address < b.address + b.size && b.address < a.address + a.size;
}

// Whether INNER lies in OUTER as a whole.
static inline bool reader_inside(struct manifest_range inner, struct manifest_range outer) {
    return inner.address >= outer.address && inner.address - outer.address <= outer.size &&
           inner.size <= outer.size - (inner.address - outer.address);
}
