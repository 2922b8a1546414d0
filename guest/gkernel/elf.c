#include "guest/gkernel/elf.h"

#include <errno.h>

#include "guest/lib/string.h"
#include "guest/platform.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, segments_at, sections_at;
    uint32_t flags;
    uint16_t header_size, segment_size, segments, section_size, sections, names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64 file header");

struct elf_segment {
    uint32_t type, flags;
    uint64_t file_at, va, pa, file_size, memory_size, align;
};
_Static_assert(sizeof(struct elf_segment) == ELF_SEGMENT_SIZE, "ELF-64 program header");

#define ELF_TYPE_EXECUTABLE 2
#define ELF_VERSION 1

#define SEGMENT_LOAD 1
#define SEGMENT_DYNAMIC 2
#define SEGMENT_INTERPRETER 3
#define SEGMENT_HEADERS 6
#define SEGMENT_STACK 0x6474e551u // PT_GNU_STACK: only its flags mean something

#define SEGMENT_EXECUTE 1u
#define SEGMENT_WRITE 2u
#define SEGMENT_READ 4u

static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
static const uint8_t kind[] = {2 /* 64 bits */, 1 /* little-endian */, ELF_VERSION};

static bool in_file(uint64_t at, uint64_t length, uint64_t size) {
    return at <= size && length <= size - at;
}

static const char *check_header(const struct elf_header *header, uint64_t size) {
    if (memcmp(header->ident, magic, sizeof(magic)) != 0)
        return "is no ELF file";
    if (memcmp(header->ident + sizeof(magic), kind, sizeof(kind)) != 0 ||
        header->version != ELF_VERSION)
        return "is no ELF file of 64 bits, little-endian, version 1";
    if (header->machine != platform.elf_machine)
        return "is for another kind of machine";
    if (header->type != ELF_TYPE_EXECUTABLE)
        return "is no static program with fixed addresses";
    if (header->segments == 0)
        return "has no program headers";
    if (header->segments > ELF_SEGMENTS_MAX)
        return "has too many program headers";
    if (header->segment_size != ELF_SEGMENT_SIZE)
        return "has program headers of an unknown size";
    if (!in_file(header->segments_at, (uint64_t)header->segments * ELF_SEGMENT_SIZE, size))
        return "has program headers outside of the file";
    return NULL;
}

static const char *check_load(const struct elf_segment *segment, uint64_t size) {
    if (!in_file(segment->file_at, segment->file_size, size))
        return "has a segment outside of the file";
    if (segment->file_size > segment->memory_size)
        return "has a segment that is larger in the file than in memory";
    if (segment->va < SPACE_START)
        return "has a segment in the first page";
    if (segment->va > SPACE_MAP_END || segment->memory_size > SPACE_MAP_END - segment->va)
        return "has a segment beyond the end of user memory";
    return NULL;
}

static unsigned rights_of(const struct elf_segment *segment) {
    return (segment->flags & SEGMENT_READ ? MMU_READ : 0) |
           (segment->flags & SEGMENT_WRITE ? MMU_WRITE : 0) |
           (segment->flags & SEGMENT_EXECUTE ? MMU_EXECUTE : 0);
}

static const char *load(struct space *space, const uint8_t *file, uint64_t size,
                        const struct elf_segment *segment) {
    const char *wrong = check_load(segment, size);
    if (wrong != NULL)
        return wrong;
    const struct space_region region = {
        .start = mmu_page_down(segment->va),
        .end = mmu_page_up(segment->va + segment->memory_size),
        .rights = (uint8_t)rights_of(segment),
        .kind = SPACE_IMAGE,
        .data_start = segment->va,
        .data = file + segment->file_at,
        .data_size = segment->file_size,
    };
    const int failed = region_add(space, &region);
    if (failed == 0 && space->heap_start < region.end)
        space->heap_start = space->heap_end = region.end;
    return failed == 0         ? NULL
           : failed == -EACCES ? "has a segment both writable and executable"
           : failed == -EEXIST ? "has two segments in one page"
                               : "has too many segments";
}

// What stands in the other headers matters only where it asks for what there is not here. PT_PHDR
// says where the program would find these headers in its own memory, to tell from that how far it
// was moved: but the kernel gives it a copy in another place.
static const char *check_other(const struct elf_segment *segment) {
    switch (segment->type) {
    case SEGMENT_DYNAMIC:
    case SEGMENT_INTERPRETER:
        return "is linked dynamically";
    case SEGMENT_HEADERS:
        return "wants its program headers in memory (PT_PHDR)";
    case SEGMENT_STACK:
        return segment->flags & SEGMENT_EXECUTE ? "wants an executable stack" : NULL;
    default:
        return NULL;
    }
}

static bool holds_entry(const struct elf_segment *segment, uint64_t entry) {
    return (segment->flags & SEGMENT_EXECUTE) && entry >= segment->va &&
           entry - segment->va < segment->file_size;
}

const char *elf_load(struct space *space, const uint8_t *file, size_t size,
                     struct elf_program *program) {
    struct elf_header header;
    if (size < sizeof(header))
        return "is too short for an ELF file";
    memcpy(&header, file, sizeof(header));
    const char *wrong = check_header(&header, size);
    if (wrong != NULL)
        return wrong;
    bool entry_found = false;
    for (unsigned i = 0; i < header.segments; i++) {
        struct elf_segment segment;
        memcpy(&segment, file + header.segments_at + i * sizeof(segment), sizeof(segment));
        const bool loads = segment.type == SEGMENT_LOAD && segment.memory_size > 0;
        wrong = loads ? load(space, file, size, &segment) : check_other(&segment);
        if (wrong != NULL)
            return wrong;
        entry_found |= loads && holds_entry(&segment, header.entry);
    }
    if (!entry_found)
        return "has an entry outside of its executable segments";
    *program = (struct elf_program){
        .entry = header.entry,
        .headers = file + header.segments_at,
        .header_count = header.segments,
    };
    return NULL;
}
