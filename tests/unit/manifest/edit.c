#include "tests/unit/manifest/edit.h"

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"

static void must(int result) {
    if (result < 0)
        fail_msg("libfdt: %s", fdt_strerror(result));
}

static int find(struct edit *edit, const char *path) {
    int node = fdt_path_offset(edit->blob, path);
    if (node < 0)
        fail_msg("the default manifest has no %s", path);
    return node;
}

void edit_load(struct edit *edit, const uint8_t *blob) {
    must(fdt_open_into(blob, edit->blob, sizeof(edit->blob)));
}

void edit_reset(struct edit *edit) { edit_load(edit, edit->arch ? edit->blank : blob_default); }

void edit_reset_aarch64(struct edit *edit) {
    edit->arch = "aarch64";
    edit->blank = blob_default_aarch64;
    edit_reset(edit);
}

void edit_reset_x86_64(struct edit *edit) {
    edit->arch = "x86_64";
    edit->blank = blob_default_x86_64;
    edit_reset(edit);
}

void edit_bytes(struct edit *edit, const char *path, const char *property, const void *bytes,
                size_t size) {
    must(fdt_setprop(edit->blob, find(edit, path), property, bytes, (int)size));
}

void edit_text(struct edit *edit, const char *path, const char *property, const char *text) {
    edit_bytes(edit, path, property, text, strlen(text) + 1);
}

void edit_cells(struct edit *edit, const char *path, const char *property, const uint32_t *cells,
                size_t count) {
    fdt32_t swapped[16];
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        swapped[i] = cpu_to_fdt32(cells[i]);
    edit_bytes(edit, path, property, swapped, count * sizeof(fdt32_t));
}

void edit_reg(struct edit *edit, const char *path, uint64_t address, uint64_t size) {
    EDIT_CELLS(edit, path, "reg", (uint32_t)(address >> 32), (uint32_t)address,
               (uint32_t)(size >> 32), (uint32_t)size);
}

void edit_drop(struct edit *edit, const char *path, const char *property) {
    must(fdt_delprop(edit->blob, find(edit, path), property));
}

void edit_add(struct edit *edit, const char *path, const char *name) {
    must(fdt_add_subnode(edit->blob, find(edit, path), name));
}

void edit_remove(struct edit *edit, const char *path) {
    must(fdt_del_node(edit->blob, find(edit, path)));
}

enum status edit_parse(struct edit *edit) {
    must(fdt_pack(edit->blob));
    enum status status =
        manifest_parse(edit->blob, fdt_totalsize(edit->blob), edit->arch ? edit->arch : "riscv64",
                       &edit->manifest, &edit->error);
    must(fdt_open_into(edit->blob, edit->blob, sizeof(edit->blob)));
    return status;
}

void edit_expect_good(struct edit *edit) {
    if (edit_parse(edit) != STATUS_OK)
        fail_msg("refused: %s", edit->error.text);
    assert_string_equal(edit->error.text, "");
}

void edit_expect(struct edit *edit, enum status status, const char *node, const char *property,
                 const char *text) {
    char whole[sizeof(edit->error.text)];
    if (property[0] != '\0')
        snprintf(whole, sizeof(whole), "%s: property `%s` %s", node, property, text);
    else
        snprintf(whole, sizeof(whole), "%s: %s", node, text);
    enum status found = edit_parse(edit);
    assert_string_equal(edit->error.text, whole);
    assert_string_equal(edit->error.node, node);
    assert_string_equal(edit->error.property, property);
    assert_string_equal(status_name(found), status_name(status));
    edit_reset(edit);
}
