#include "guest/gkernel/elf.h"

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
_Static_assert(sizeof(struct elf_segment) == 56, "ELF-64 program header");

#define ELF_TYPE_EXECUTABLE 2
#define SEGMENT_LOAD 1
#define SEGMENT_EXECUTE 1
#define SEGMENT_WRITE 2
#define SEGMENT_READ 4

static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */};

static bool in_file(uint64_t at, uint64_t length, uint64_t size) {
    return at <= size && length <= size - at;
}

static bool load_segment(struct space *space, const uint8_t *file, uint64_t size,
                         const struct elf_segment *segment) {
    if (!in_file(segment->file_at, segment->file_size, size) ||
        segment->file_size > segment->memory_size || segment->va > mmu_format.user_end ||
        segment->memory_size > mmu_format.user_end - segment->va)
        return false;
    struct space_region region = {
        .start = segment->va & ~(PAGE_SIZE - 1),
        .end = (segment->va + segment->memory_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1),
        .data_start = segment->va,
        .data = file + segment->file_at,
        .data_size = segment->file_size,
    };
    if (segment->flags & SEGMENT_READ)
        region.rights |= MMU_READ;
    if (segment->flags & SEGMENT_WRITE)
        region.rights |= MMU_READ | MMU_WRITE;
    if (segment->flags & SEGMENT_EXECUTE)
        region.rights |= MMU_EXECUTE;
    return space_add(space, &region);
}

bool elf_load(struct space *space, const uint8_t *file, uint64_t size, uint64_t *entry) {
    struct elf_header header;
    if (size < sizeof(header))
        return false;
    memcpy(&header, file, sizeof(header));
    if (memcmp(header.ident, ident, sizeof(ident)) != 0 || header.type != ELF_TYPE_EXECUTABLE ||
        header.machine != platform.elf_machine ||
        header.segment_size != sizeof(struct elf_segment) ||
        !in_file(header.segments_at, header.segments * sizeof(struct elf_segment), size))
        return false;
    for (unsigned i = 0; i < header.segments; i++) {
        struct elf_segment segment;
        memcpy(&segment, file + header.segments_at + i * sizeof(segment), sizeof(segment));
        if (segment.type == SEGMENT_LOAD && segment.memory_size > 0 &&
            !load_segment(space, file, size, &segment))
            return false;
    }
    *entry = header.entry;
    return true;
}
