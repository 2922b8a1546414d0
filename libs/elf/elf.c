#include "libs/elf/elf.h"

#include <string.h>

#include "libs/elf/format.h"

#define SEGMENT_LOAD 1
#define SEGMENT_INTERPRETER 3
#define PROGRAM_HEADERS_MOST 64

static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

bool elf_is(const void *file, size_t size) {
    return size >= sizeof(magic) && memcmp(file, magic, sizeof(magic)) == 0;
}

static enum status check_header(const struct elf_header *header, uint16_t machine,
                                const char **why) {
    if (header->class != ELF_CLASS_64) {
        *why = "the ELF file is not a 64 bit one";
        return STATUS_UNSUPPORTED;
    }
    if (header->data != ELF_DATA_LITTLE_ENDIAN) {
        *why = "the ELF file is not little endian";
        return STATUS_UNSUPPORTED;
    }
    if (header->ident_version != ELF_VERSION_CURRENT || header->version != ELF_VERSION_CURRENT) {
        *why = "the ELF file has an unknown version";
        return STATUS_UNSUPPORTED;
    }
    if (header->machine != machine) {
        *why = "the ELF file is for another architecture";
        return STATUS_UNSUPPORTED;
    }
    if (header->type == ELF_TYPE_SHARED) {
        *why = "the ELF file is position independent: link it for a fixed address (-no-pie)";
        return STATUS_UNSUPPORTED;
    }
    if (header->type != ELF_TYPE_EXECUTABLE) {
        *why = "the ELF file is no executable: it was not linked, or is a core dump";
        return STATUS_UNSUPPORTED;
    }
    if (header->program_header_size != sizeof(struct elf_program_header)) {
        *why = "the ELF file's program headers have an unknown size";
        return STATUS_CORRUPT;
    }
    if (header->program_header_count == 0) {
        *why = "the ELF file has no program headers: nothing to load";
        return STATUS_CORRUPT;
    }
    if (header->program_header_count > PROGRAM_HEADERS_MOST) {
        *why = "the ELF file has more than 64 program headers";
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

// Whether SIZE bytes from START on end before the last address of the space.
static bool fits(uint64_t start, uint64_t size) { return start + size >= start; }

// Headers need not be aligned in the file.
static struct elf_program_header program_header(const struct elf_image *image, unsigned index) {
    struct elf_program_header header;
    memcpy(&header, image->program_headers + index * sizeof(header), sizeof(header));
    return header;
}

static bool is_loaded(const struct elf_program_header *header) {
    return header->type == SEGMENT_LOAD && header->memory_size != 0;
}

// What is wrong with a segment by itself; NULL: nothing.
static const char *segment_fault(const struct elf_program_header *header, uint64_t file_size) {
    if (header->file_size > header->memory_size)
        return "a segment of the ELF file is larger in the file than in memory";
    if (!fits(header->offset, header->file_size) || header->offset + header->file_size > file_size)
        return "a segment of the ELF file ends behind the file: it was cut short";
    if (!fits(header->virtual_address, header->memory_size) ||
        !fits(header->physical_address, header->memory_size))
        return "a segment of the ELF file runs over the end of the address space";
    if ((header->alignment & (header->alignment - 1)) != 0)
        return "a segment of the ELF file has an alignment that is no power of two";
    if (header->alignment > 1 &&
        ((header->virtual_address - header->offset) & (header->alignment - 1)) != 0)
        return "a segment of the ELF file is aligned in memory as it is not in the file";
    return NULL;
}

// Checks all segments, and counts them. An entry that is a physical address, as linkers write it
// for kernels that start with translation off, becomes the virtual one of the same place.
static enum status check_segments(struct elf_image *image, uint64_t file_size, const char **why) {
    uint64_t end = 0; // of the segment before
    bool entry_found = false, physical_found = false;
    uint64_t entry = 0; // if it was a physical one
    for (unsigned i = 0; i < image->program_header_count; i++) {
        struct elf_program_header header = program_header(image, i);
        if (header.type == SEGMENT_INTERPRETER) {
            *why = "the ELF file is dynamically linked: link it with -static";
            return STATUS_UNSUPPORTED;
        }
        if (!is_loaded(&header))
            continue;
        *why = segment_fault(&header, file_size);
        if (*why != NULL)
            return STATUS_CORRUPT;
        if (header.virtual_address < end) {
            *why = "the ELF file's segments overlap, or do not ascend";
            return STATUS_CORRUPT;
        }
        end = header.virtual_address + header.memory_size;
        if ((header.flags & ELF_EXECUTE) &&
            image->entry - header.virtual_address < header.memory_size)
            entry_found = true;
        if ((header.flags & ELF_EXECUTE) &&
            image->entry - header.physical_address < header.memory_size) {
            physical_found = true;
            entry = header.virtual_address + (image->entry - header.physical_address);
        }
        image->segment_count++;
    }
    if (image->segment_count == 0) {
        *why = "the ELF file has no segments: nothing to load";
        return STATUS_CORRUPT;
    }
    if (!entry_found && physical_found)
        image->entry = entry;
    if (!entry_found && !physical_found) {
        *why = "the ELF file's entry is in none of its executable segments";
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status elf_open(const void *file, size_t available, uint64_t file_size, uint16_t machine,
                     struct elf_image *image, const char **why) {
    if (available > file_size)
        available = (size_t)file_size;
    if (!elf_is(file, available)) {
        *why = "the file is no ELF file";
        return STATUS_UNSUPPORTED;
    }
    struct elf_header header;
    if (available < sizeof(header)) {
        *why = "the ELF file is shorter than its header";
        return STATUS_CORRUPT;
    }
    memcpy(&header, file, sizeof(header));
    enum status status = check_header(&header, machine, why);
    if (status != STATUS_OK)
        return status;
    uint64_t size = header.program_header_count * sizeof(struct elf_program_header);
    if (header.program_headers > file_size || size > file_size - header.program_headers) {
        *why = "the ELF file ends before its program headers do: it was cut short";
        return STATUS_CORRUPT;
    }
    if (header.program_headers + size > available) {
        *why = "the ELF file's program headers are not at its beginning";
        return STATUS_RANGE;
    }
    *image = (struct elf_image){
        .program_headers = (const uint8_t *)file + header.program_headers,
        .program_header_count = header.program_header_count,
        .entry = header.entry,
    };
    return check_segments(image, file_size, why);
}

struct elf_segment elf_segment(const struct elf_image *image, unsigned index) {
    struct elf_segment segment = {0};
    for (unsigned i = 0; i < image->program_header_count; i++) {
        struct elf_program_header header = program_header(image, i);
        if (!is_loaded(&header) || index-- > 0)
            continue;
        segment = (struct elf_segment){
            .virtual_address = header.virtual_address,
            .physical_address = header.physical_address,
            .file_offset = header.offset,
            .file_size = header.file_size,
            .memory_size = header.memory_size,
            .flags = header.flags & (ELF_EXECUTE | ELF_WRITE | ELF_READ),
        };
        break;
    }
    return segment;
}
