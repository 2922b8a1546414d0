#include "libs/guestdt/writer.h"

#include <libfdt.h>
#include <limits.h>
#include <string.h>

#include "libs/text/text.h"

static void keep(struct writer *writer, int error) {
    if (writer->error == 0)
        writer->error = error;
}

void writer_start(struct writer *writer, void *buffer, size_t size) {
    writer->fdt = buffer;
    writer->error = fdt_create(buffer, size > INT_MAX ? INT_MAX : (int)size);
    if (writer->error == 0)
        keep(writer, fdt_finish_reservemap(buffer));
}

void writer_finish(struct writer *writer) {
    if (writer->error == 0)
        keep(writer, fdt_finish(writer->fdt));
}

void writer_begin(struct writer *writer, const char *name) {
    if (writer->error == 0)
        keep(writer, fdt_begin_node(writer->fdt, name));
}

void writer_begin_at(struct writer *writer, const char *name, struct manifest_range range) {
    writer_begin_at_two(writer, name, range, (struct manifest_range){0, 0});
}

void writer_begin_at_two(struct writer *writer, const char *name, struct manifest_range first,
                         struct manifest_range second) {
    char full[MANIFEST_NAME + sizeof("@ffffffffffffffff")];
    fdt64_t reg[4] = {cpu_to_fdt64(first.address), cpu_to_fdt64(first.size),
                      cpu_to_fdt64(second.address), cpu_to_fdt64(second.size)};
    text_format(full, sizeof(full), "%s@%llx", name, (unsigned long long)first.address);
    writer_begin(writer, full);
    writer_bytes(writer, "reg", reg, second.size == 0 ? sizeof(reg) / 2 : sizeof(reg));
}

void writer_end(struct writer *writer) {
    if (writer->error == 0)
        keep(writer, fdt_end_node(writer->fdt));
}

void writer_flag(struct writer *writer, const char *property) {
    writer_bytes(writer, property, NULL, 0);
}

void writer_u32(struct writer *writer, const char *property, uint32_t value) {
    fdt32_t cell = cpu_to_fdt32(value);
    writer_bytes(writer, property, &cell, sizeof(cell));
}

void writer_u64(struct writer *writer, const char *property, uint64_t value) {
    fdt64_t cells = cpu_to_fdt64(value);
    writer_bytes(writer, property, &cells, sizeof(cells));
}

void writer_text(struct writer *writer, const char *property, const char *text) {
    writer_bytes(writer, property, text, strlen(text) + 1);
}

void writer_bytes(struct writer *writer, const char *property, const void *bytes, size_t size) {
    void *value = NULL;
    if (writer->error != 0)
        return;
    writer->error = fdt_property_placeholder(writer->fdt, property, (int)size, &value);
    if (writer->error == 0 && size > 0)
        memcpy(value, bytes, size);
}

void writer_cells(struct writer *writer, uint32_t address, uint32_t size) {
    writer_u32(writer, "#address-cells", address);
    writer_u32(writer, "#size-cells", size);
}
