#include "libs/image/image.h"

#include <assert.h>
#include <string.h>

#include "libs/text/text.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are used as they are read");

#define MEGABYTE (1024ull * 1024)
#define FAR (1ull << 40) // more memory than anybody would give a VM for an image's sake

// Linux' header; both architectures agree on where these are.
struct linux_header {
    uint32_t code[2];
    uint64_t text_offset; // from the base of memory, aligned to 2 MiB
    uint64_t image_size;  // in memory
    uint64_t flags;
    uint8_t rest[24]; // riscv: version, and the older magic number
    uint8_t magic[4];
    uint32_t last;
};

static_assert(sizeof(struct linux_header) == 64, "the file has this layout");

#define LINUX_ALIGNMENT (2 * MEGABYTE)
#define LINUX_BIG_ENDIAN 1u            // of the flags, on both architectures
#define LINUX_ARM64_OLD_OFFSET 0x80000 // arm64: what a header without an image size means

static const struct linux_kind {
    uint8_t magic[4];
    uint16_t machine;
    const char *name;
} linux_kinds[] = {
    {{'R', 'S', 'C', 5}, ELF_MACHINE_RISCV, "riscv"},
    {{'A', 'R', 'M', 'd'}, ELF_MACHINE_AARCH64, "arm64"},
};

// What would be taken for a flat binary, but is certainly none.
static const struct wrapping {
    unsigned offset;
    unsigned length;
    char magic[6];
    const char *text;
} wrappings[] = {
    {0, 3, {'\x1f', '\x8b', '\x08'}, "is compressed by gzip: gunzip it first"},
    {0, 6, {'\xfd', '7', 'z', 'X', 'Z', '\0'}, "is compressed by xz: unxz it first"},
    {0, 4, {'\x28', '\xb5', '\x2f', '\xfd'}, "is compressed by zstd: unzstd it first"},
    {0, 3, {'B', 'Z', 'h'}, "is compressed by bzip2: bunzip2 it first"},
    {0, 4, {'\x02', '\x21', '\x4c', '\x18'}, "is compressed by lz4: unlz4 it first"},
    {4, 4, {'z', 'i', 'm', 'g'}, "is an EFI zboot image: give the Image that it was made from"},
    {0, 4, {'\x27', '\x05', '\x19', '\x56'}, "is a U-Boot image: give what mkimage was given"},
    {0, 4, {'\xd0', '\x0d', '\xfe', '\xed'}, "is a device tree, or a FIT image: give a kernel"},
    {0x202, 4, {'H', 'd', 'r', 'S'}, "is a bzImage of x86: give the vmlinux it was made from"},
};

// Where messages go.
struct report {
    char *message;
    size_t size;
};

static enum status __attribute__((format(printf, 3, 4)))
fail(const struct report *report, enum status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format_list(report->message, report->size, format, arguments);
    va_end(arguments);
    return status;
}

const char *image_kind_name(enum image_kind kind) {
    static const char *const names[] = {"flat binary", "Linux Image", "ELF file"};
    return names[kind];
}

// Checks that SIZE bytes at ADDRESS are in the guest's memory, or says how much of it would do.
static enum status check_place(const struct image_request *request, const struct report *report,
                               uint64_t address, uint64_t size) {
    unsigned long long at = address, bytes = size, base = request->ram_base;
    unsigned long long end = request->ram_base + request->ram_size;
    if (address < request->ram_base)
        return fail(report, STATUS_RANGE,
                    "the image needs %llu bytes at 0x%llx, RAM begins at 0x%llx", bytes, at, base);
    uint64_t below = address - request->ram_base;
    if (below <= request->ram_size && size <= request->ram_size - below)
        return STATUS_OK;
    uint64_t needed = below + size, all = needed + request->other_size + MEGABYTE - 1;
    if (needed < size || all < needed || needed > FAR)
        return fail(report, STATUS_RANGE,
                    "the image needs %llu bytes at 0x%llx, far from RAM at 0x%llx to 0x%llx", bytes,
                    at, base, end);
    return fail(report, STATUS_RANGE,
                "the image needs %llu bytes at 0x%llx, RAM ends at 0x%llx: give the VM at least "
                "%llu MB",
                bytes, at, end, (unsigned long long)(all / MEGABYTE));
}

static enum status refuse_wrapped(const struct image_request *request,
                                  const struct report *report) {
    const uint8_t *head = request->head;
    for (unsigned i = 0; i < sizeof(wrappings) / sizeof(wrappings[0]); i++) {
        const struct wrapping *wrapping = &wrappings[i];
        if (request->head_size >= wrapping->offset + wrapping->length &&
            memcmp(head + wrapping->offset, wrapping->magic, wrapping->length) == 0)
            return fail(report, STATUS_UNSUPPORTED, "the image %s", wrapping->text);
    }
    return STATUS_OK;
}

static enum status plan_linux(const struct image_request *request, const struct report *report,
                              const struct linux_kind *kind, struct linux_header header,
                              struct image_plan *plan) {
    if (kind->machine != request->machine)
        return fail(report, STATUS_UNSUPPORTED,
                    "the image is a Linux Image for %s, the VM is of another architecture",
                    kind->name);
    if (header.flags & LINUX_BIG_ENDIAN)
        return fail(report, STATUS_UNSUPPORTED,
                    "the image is a big-endian Linux Image, the VM is little endian");
    if (header.image_size == 0 && kind->machine == ELF_MACHINE_AARCH64)
        header.text_offset = LINUX_ARM64_OLD_OFFSET;
    uint64_t base = (request->ram_base + LINUX_ALIGNMENT - 1) & ~(LINUX_ALIGNMENT - 1);
    uint64_t address = base + header.text_offset;
    if (base < request->ram_base || address < base)
        return fail(report, STATUS_CORRUPT,
                    "the Linux Image wants to be 0x%llx bytes above the base of memory, where "
                    "there are no addresses",
                    (unsigned long long)header.text_offset);
    uint64_t size = header.image_size; // more than the file has: the kernel's zeroed data
    if (size < request->file_size)
        size = request->file_size;
    plan->kind = IMAGE_LINUX;
    plan->entry = address;
    plan->piece_count = 1;
    plan->pieces[0] = (struct image_piece){0, request->file_size, address, size};
    return check_place(request, report, address, size);
}

static enum status plan_flat(const struct image_request *request, const struct report *report,
                             struct image_plan *plan) {
    plan->kind = IMAGE_FLAT;
    plan->entry = request->flat_entry;
    plan->piece_count = 1;
    plan->pieces[0] =
        (struct image_piece){0, request->file_size, request->flat_address, request->file_size};
    enum status status = check_place(request, report, request->flat_address, request->file_size);
    if (status != STATUS_OK)
        return status;
    if (request->flat_entry - request->flat_address >= request->file_size)
        return fail(report, STATUS_INVALID,
                    "the entry 0x%llx is not in the flat binary's %llu bytes at 0x%llx",
                    (unsigned long long)request->flat_entry, (unsigned long long)request->file_size,
                    (unsigned long long)request->flat_address);
    return STATUS_OK;
}

// Segments ascend by virtual addresses; by physical ones, which count here, they can do anything.
static enum status check_overlap(const struct report *report, const struct image_plan *plan) {
    for (unsigned i = 0; i < plan->piece_count; i++) {
        for (unsigned j = 0; j < i; j++) {
            const struct image_piece *a = &plan->pieces[i], *b = &plan->pieces[j];
            if (a->guest_address - b->guest_address < b->memory_size ||
                b->guest_address - a->guest_address < a->memory_size)
                return fail(report, STATUS_CORRUPT,
                            "two segments of the ELF file overlap in physical memory at 0x%llx",
                            (unsigned long long)a->guest_address);
        }
    }
    return STATUS_OK;
}

static enum status plan_elf(const struct image_request *request, const struct report *report,
                            struct image_plan *plan) {
    struct elf_image elf;
    const char *why = "";
    enum status status = elf_open(request->head, request->head_size, request->file_size,
                                  request->machine, &elf, &why);
    if (status != STATUS_OK)
        return fail(report, status, "%s", why);
    if (elf.segment_count > IMAGE_PIECES_MOST)
        return fail(report, STATUS_UNSUPPORTED, "the ELF file has %u segments, more than %u",
                    elf.segment_count, IMAGE_PIECES_MOST);
    plan->kind = IMAGE_ELF;
    plan->piece_count = elf.segment_count;
    for (unsigned i = 0; i < elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&elf, i);
        plan->pieces[i] = (struct image_piece){segment.file_offset, segment.file_size,
                                               segment.physical_address, segment.memory_size};
        // A guest begins without translation, so its entry is a physical address too.
        if (elf.entry - segment.virtual_address < segment.memory_size)
            plan->entry = segment.physical_address + (elf.entry - segment.virtual_address);
        status = check_place(request, report, segment.physical_address, segment.memory_size);
        if (status != STATUS_OK)
            return status;
    }
    return check_overlap(report, plan);
}

enum status image_plan(const struct image_request *request, struct image_plan *plan, char *message,
                       size_t size) {
    const struct report report = {message, size};
    *plan = (struct image_plan){0};
    if (request->file_size == 0)
        return fail(&report, STATUS_CORRUPT, "the image is empty");
    if (elf_is(request->head, request->head_size))
        return plan_elf(request, &report, plan);
    enum status status = refuse_wrapped(request, &report);
    if (status != STATUS_OK)
        return status;
    struct linux_header header;
    if (request->head_size < sizeof(header))
        return plan_flat(request, &report, plan);
    memcpy(&header, request->head, sizeof(header));
    for (unsigned i = 0; i < sizeof(linux_kinds) / sizeof(linux_kinds[0]); i++) {
        if (memcmp(header.magic, linux_kinds[i].magic, sizeof(header.magic)) == 0)
            return plan_linux(request, &report, &linux_kinds[i], header, plan);
    }
    return plan_flat(request, &report, plan);
}
