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

static const char *const no_names[] = {NULL};

// A device of /host with nothing but its place. COMPATIBLE: NULL where the architecture has none.
static struct manifest_range read_device(struct reader *reader, int host, const char *name,
                                         const char *compatible, enum reader_presence presence) {
    static const char *const properties[] = {"compatible", "reg", NULL};
    const struct manifest_range nothing = {0, 0};
    int node = compatible == NULL ? -1 : reader_child(reader, host, name, presence);
    if (node < 0 || reader_failed(reader))
        return nothing;
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_names});
    check_compatible(reader, node, compatible);
    struct manifest_range range = reader_reg(reader, node, READER_PAGE, reader->arch->host_bits);
    if (presence == READER_REQUIRED)
        reader_claim_host(reader, node, "reg", range, false);
    return range;
}

// The last context that has all of its registers in the controller's range (PLIC specification
// 1.0, chapter 3: from 0x200000 on a page each, 15872 of them at most).
static uint64_t last_context(const struct reader *reader) {
    uint64_t pages = reader->manifest->interrupt_controller.host.size / READER_PAGE;
    return pages <= 0x200 ? 0 : pages - 0x201 < 15871 ? pages - 0x201 : 15871;
}

// Which of those that the core can drive it is; the properties of its node follow from that.
static const struct manifest_controller *read_kind(struct reader *reader, int node) {
    const struct manifest_controller *kinds = reader->arch->controller;
    const char *list[MANIFEST_ARCH_CONTROLLERS + 1] = {NULL};
    for (unsigned i = 0; kinds[i].compatible != NULL; i++)
        list[i] = kinds[i].compatible;
    return &kinds[reader_choice(reader, node, "compatible", list)];
}

static void read_parts(struct reader *reader, int node, const struct manifest_controller *kind) {
    struct manifest_part *part = reader->manifest->interrupt_controller.part;
    for (unsigned i = 0; i < MANIFEST_CONTROLLER_PARTS && kind->part[i].property != NULL; i++) {
        part[i].property = kind->part[i].property;
        part[i].range = reader_part(reader, node, &kind->part[i], 1, reader->arch->host_bits);
        reader_claim_host(reader, node, part[i].property, part[i].range, false);
    }
}

static void read_controller(struct reader *reader, int node) {
    const struct manifest_controller *kind = read_kind(reader, node);
    const char *properties[MANIFEST_CONTROLLER_PARTS + 4] = {"compatible", "reg"};
    unsigned count = 2;
    if (reader_failed(reader))
        return;
    if (kind->contexts)
        properties[count++] = "context";
    for (unsigned i = 0; i < MANIFEST_CONTROLLER_PARTS && kind->part[i].property != NULL; i++)
        properties[count++] = kind->part[i].property;
    struct manifest *manifest = reader->manifest;
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_names});
    manifest->interrupt_controller.host =
        reader_reg(reader, node, READER_PAGE, reader->arch->host_bits);
    reader_claim_host(reader, node, "reg", manifest->interrupt_controller.host, false);
    if (kind->contexts)
        manifest->interrupt_controller.context =
            (uint32_t)reader_number(reader, node, "context", 0, last_context(reader));
    read_parts(reader, node, kind);
    reader->controller = kind;
}

// The core's console has an owner of its own, the server that has it as a window: what the core
// writes there is its last.
static void read_host(struct reader *reader, int node) {
    const struct manifest_arch *arch = reader->arch;
    const char *children[4] = {"interrupt-controller@"};
    unsigned count = 1;
    if (arch->reset != NULL)
        children[count++] = "reset@";
    if (arch->console != NULL)
        children[count++] = "console@";
    struct manifest *manifest = reader->manifest;
    reader_check_form(reader, node, &(struct reader_form){no_names, NULL, children});
    manifest->reset = read_device(reader, node, "reset@", arch->reset, READER_REQUIRED);
    manifest->panic_console = read_device(reader, node, "console@", arch->console, READER_OPTIONAL);
    int controller = reader_child(reader, node, "interrupt-controller@", READER_OPTIONAL);
    manifest->interrupt_controller.present = controller >= 0;
    if (controller >= 0 && !reader_failed(reader))
        read_controller(reader, controller);
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
