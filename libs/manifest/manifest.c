#include "libs/manifest/manifest.h"

#include <libfdt.h>
#include <string.h>

#include "libs/manifest/parts.h"

// What keeps the checks, some of which look at everything for each thing, short whatever is in it.
#define BLOB_MAX 0x10000u
#define BLOB_VERSION 17u // of the format; what dtc writes

uint8_t manifest_find_server(const struct manifest *manifest, const char *name) {
    for (uint32_t i = 0; i < manifest->server_count; i++) {
        if (strcmp(manifest->server[i].name, name) == 0)
            return (uint8_t)i;
    }
    return MANIFEST_NONE;
}

static bool check_blob(struct reader *reader, const void *blob, size_t size) {
    int problem = 0;
    if (size < sizeof(struct fdt_header))
        reader_fail(reader, STATUS_CORRUPT, -1, "",
                    "the manifest has %u bytes, which is too short for a device tree; compile it "
                    "with dtc -O dtb",
                    (unsigned)size);
    else if (fdt_magic(blob) != FDT_MAGIC)
        reader_fail(reader, STATUS_CORRUPT, -1, "",
                    "the manifest is not a compiled device tree; compile it with dtc -O dtb");
    else if (fdt_version(blob) != BLOB_VERSION)
        reader_fail(reader, STATUS_CORRUPT, -1, "",
                    "the manifest has version %u of the device tree format; compile it with "
                    "dtc -O dtb -V %u",
                    (unsigned)fdt_version(blob), BLOB_VERSION);
    else if (fdt_totalsize(blob) > BLOB_MAX)
        reader_fail(reader, STATUS_NO_MEMORY, -1, "",
                    "the manifest has %u bytes; at most %u are possible",
                    (unsigned)fdt_totalsize(blob), BLOB_MAX);
    else if ((problem = fdt_check_full(blob, size)) != 0)
        reader_fail(reader, STATUS_CORRUPT, -1, "",
                    "the manifest is a broken device tree (libfdt: %s); compile it again",
                    fdt_strerror(problem));
    // libfdt calls a tree without any node sound, and one with something in front of its root.
    else if (fdt_get_name(blob, 0, NULL) == NULL)
        reader_fail(reader, STATUS_CORRUPT, -1, "",
                    "the manifest is a device tree without a root node; compile it again");
    return !reader_failed(reader);
}

// The texts at the beginning that say what this is, before anything in it is judged.
static bool check_form(struct reader *reader, int root, const char *arch) {
    char text[MANIFEST_COMPATIBLE_SIZE];
    reader_text(reader, root, "compatible", text, sizeof(text), READER_REQUIRED);
    if (!reader_failed(reader) && strcmp(text, MANIFEST_COMPATIBLE) != 0)
        reader_fail(reader, STATUS_UNSUPPORTED, root, "compatible",
                    "is \"%s\"; this hypervisor reads \"%s\"", text, MANIFEST_COMPATIBLE);
    reader_text(reader, root, "architecture", text, sizeof(text), READER_REQUIRED);
    if (!reader_failed(reader) && (strcmp(text, arch) != 0 || reader->arch == NULL))
        reader_fail(reader, STATUS_UNSUPPORTED, root, "architecture",
                    "is \"%s\", but this is %s; take a manifest made for it", text, arch);
    return !reader_failed(reader);
}

static void check_compatible(struct reader *reader, int node, const char *wanted) {
    const char *const list[] = {wanted, NULL};
    if (!reader_failed(reader))
        reader_choice(reader, node, "compatible", list);
}

static void read_host(struct reader *reader, int node) {
    static const char *const none[] = {NULL};
    static const char *const children[] = {"interrupt-controller@", "reset@", NULL};
    static const char *const controller_properties[] = {"compatible", "reg", "context", NULL};
    static const char *const reset_properties[] = {"compatible", "reg", NULL};
    struct manifest *manifest = reader->manifest;
    reader_check_form(reader, node, &(struct reader_form){none, NULL, children});

    int reset = reader_child(reader, node, "reset@", READER_REQUIRED);
    if (reader_failed(reader))
        return;
    reader_check_form(reader, reset, &(struct reader_form){reset_properties, NULL, none});
    check_compatible(reader, reset, reader->arch->reset);
    manifest->reset = reader_reg(reader, reset, READER_PAGE, reader->arch->host_bits);
    reader_claim_host(reader, reset, "reg", manifest->reset, false);

    int controller = reader_child(reader, node, "interrupt-controller@", READER_OPTIONAL);
    manifest->interrupt_controller.present = controller >= 0;
    if (controller < 0)
        return;
    reader_check_form(reader, controller, &(struct reader_form){controller_properties, NULL, none});
    check_compatible(reader, controller, reader->arch->controller);
    manifest->interrupt_controller.host =
        reader_reg(reader, controller, READER_PAGE, reader->arch->host_bits);
    manifest->interrupt_controller.context =
        (uint32_t)reader_number(reader, controller, "context", 0, UINT16_MAX);
    reader_claim_host(reader, controller, "reg", manifest->interrupt_controller.host, false);
}

static void read_root(struct reader *reader, int root) {
    static const char *const properties[] = {"compatible", "architecture", "object-memory",
                                             "console", NULL};
    static const char *const children[] = {"host", "servers", "vms", NULL};
    reader_check_form(reader, root, &(struct reader_form){properties, NULL, children});
    int host = reader_child(reader, root, "host", READER_REQUIRED);
    int servers = reader_child(reader, root, "servers", READER_REQUIRED);
    int vms = reader_child(reader, root, "vms", READER_REQUIRED);
    reader->manifest->object_memory =
        reader_pages(reader, root, "object-memory", 1ull << 26, READER_REQUIRED);
    if (!reader_failed(reader))
        read_host(reader, host);
    if (!reader_failed(reader))
        servers_read(reader, servers);
    reader->manifest->console = reader_server(reader, root, "console", READER_REQUIRED);
    if (!reader_failed(reader))
        vms_read(reader, vms);
}

enum status manifest_parse(const void *blob, size_t size, const char *arch,
                           struct manifest *manifest, struct manifest_error *error) {
    memset(manifest, 0, sizeof(*manifest));
    memset(error, 0, sizeof(*error));
    struct reader reader = {
        .fdt = blob,
        .arch = manifest_arch_find(arch),
        .manifest = manifest,
        .error = error,
        .status = STATUS_OK,
    };
    int root = 0; // the root node's offset in libfdt's way of counting
    if (check_blob(&reader, blob, size) && check_form(&reader, root, arch))
        read_root(&reader, root);
    return reader.status;
}
