// Ranges of addresses: reading them, and seeing that no two nodes have the same.
#include <libfdt.h>
#include <string.h>

#include "libs/manifest/reader.h"
#include "libs/text/text.h"

static uint64_t cells_at(const fdt32_t *cell) {
    return (uint64_t)fdt32_ld(cell) << 32 | fdt32_ld(cell + 1);
}

// The name of a node with `reg` ends in its address (Devicetree Specification 0.4, section 2.2.1).
// Messages about the finished manifest name nodes that way.
static void check_unit_address(struct reader *reader, int node, uint64_t address) {
    const char *name = fdt_get_name(reader->fdt, node, NULL);
    char wanted[24];
    text_format(wanted, sizeof(wanted), "@%llx", (unsigned long long)address);
    const char *unit = strchr(name, '@');
    if (unit == NULL || strcmp(unit, wanted) != 0)
        reader_fail(reader, STATUS_INVALID, node, "reg",
                    "begins at 0x%llx, which the node's name doesn't say; call the node `%.*s%s`",
                    (unsigned long long)address, (int)strcspn(name, "@"), name, wanted);
}

struct manifest_range reader_reg(struct reader *reader, int node, uint64_t align, unsigned bits) {
    // What is returned after a failure overlaps nothing and wraps nowhere.
    const struct manifest_range nothing = {0, 0};
    int length = 0;
    const fdt32_t *cell = fdt_getprop(reader->fdt, node, "reg", &length);
    if (cell == NULL) {
        reader_fail(reader, STATUS_INVALID, node, "reg", "is missing; add it");
        return nothing;
    }
    if (length != 16) {
        reader_fail(reader, STATUS_INVALID, node, "reg",
                    "has %u bytes; write one address and one size of two cells each: "
                    "<0x0 0x80000000 0x0 0x1000000>",
                    (unsigned)length);
        return nothing;
    }
    struct manifest_range range = {cells_at(cell), cells_at(cell + 2)};
    uint64_t limit = 1ull << bits;
    if (range.size == 0)
        reader_fail(reader, STATUS_INVALID, node, "reg", "has the size 0; write how many bytes");
    else if (range.address >= limit || range.size > limit - range.address)
        reader_fail(reader, STATUS_INVALID, node, "reg",
                    "ends above 0x%llx, the highest address there can be; choose a lower range",
                    (unsigned long long)(limit - 1));
    else if (range.address % align != 0 || range.size % align != 0)
        reader_fail(reader, STATUS_INVALID, node, "reg",
                    "is 0x%llx bytes at 0x%llx; choose multiples of 0x%llx for both",
                    (unsigned long long)range.size, (unsigned long long)range.address,
                    (unsigned long long)align);
    else
        check_unit_address(reader, node, range.address);
    return reader_failed(reader) ? nothing : range;
}

struct manifest_range reader_part(struct reader *reader, int node,
                                  const struct manifest_arch_part *part, unsigned count,
                                  unsigned bits) {
    struct manifest_range range = {0, count * part->size};
    range.address = reader_number(reader, node, part->property, 0, (1ull << bits) - range.size);
    if (range.address % part->align != 0)
        reader_fail(reader, STATUS_INVALID, node, part->property,
                    "is 0x%llx; choose a multiple of 0x%llx", (unsigned long long)range.address,
                    (unsigned long long)part->align);
    return reader_failed(reader) ? (struct manifest_range){0, 0} : range;
}

static void claim(struct reader *reader, struct reader_claim *claims, unsigned *count,
                  const char *property, const struct reader_claim *new) {
    if (reader_failed(reader))
        return;
    for (unsigned i = 0; i < *count; i++) {
        const struct reader_claim *old = &claims[i];
        if (!reader_overlap(old->range, new->range) || (old->shared && new->shared))
            continue;
        char path[sizeof(reader->error->node)];
        if (fdt_get_path(reader->fdt, old->node, path, sizeof(path)) != 0)
            path[0] = '\0';
        reader_fail(reader, STATUS_INVALID, new->node, property,
                    "takes 0x%llx-0x%llx, of which %s has 0x%llx-0x%llx already; move one of them",
                    (unsigned long long)new->range.address,
                    (unsigned long long)(new->range.address + new->range.size - 1), path,
                    (unsigned long long)old->range.address,
                    (unsigned long long)(old->range.address + old->range.size - 1));
        return;
    }
    claims[(*count)++] = *new;
}

void reader_claim_host(struct reader *reader, int node, const char *property,
                       struct manifest_range range, bool shared) {
    claim(reader, reader->host, &reader->host_count, property,
          &(struct reader_claim){range, node, shared});
}

void reader_claim_guest(struct reader *reader, int node, const char *property,
                        struct manifest_range range) {
    claim(reader, reader->guest, &reader->guest_count, property,
          &(struct reader_claim){range, node, false});
}
