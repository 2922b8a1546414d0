// /vms: the guests.
#include <assert.h>
#include <libfdt.h>
#include <string.h>

#include "libs/manifest/parts.h"

#define ID_MAX 255u

// By enum exit_class.
static const char *const class_names[] = {"hypercall", "stage2", "timer",  "idle",
                                          "sysreg",    "io",     "window", "shutdown"};
static_assert(sizeof(class_names) / sizeof(class_names[0]) == EXIT_GUEST_CLASSES,
              "one property for each class of a guest's exits");

static const char *const no_children[] = {NULL};

static void read_exits(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const properties[] = {"hypercall", "stage2", "timer",    "idle", "sysreg",
                                             "io",        "window", "shutdown", NULL};
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_children});
    for (unsigned class = 0; class < EXIT_GUEST_CLASSES; class ++) {
        bool never = (class == EXIT_IO && !reader->arch->port_io) ||
                     (class == EXIT_WINDOW && !reader->arch->window);
        if (never && reader_has(reader, node, class_names[class]))
            reader_fail(reader, STATUS_INVALID, node, class_names[class],
                        "routes exits that %s doesn't have; remove it", reader->arch->name);
        vm->exit[class] = reader_server(reader, node, class_names[class],
                                        never ? READER_OPTIONAL : READER_REQUIRED);
    }
}

static void read_access(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const rights[] = {"r", "rw", NULL};
    const char *properties[MANIFEST_SERVERS + 1] = {NULL};
    for (uint32_t i = 0; i < reader->manifest->server_count; i++)
        properties[i] = reader->manifest->server[i].name;
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_children});
    for (uint32_t i = 0; i < reader->manifest->server_count && !reader_failed(reader); i++) {
        if (reader_has(reader, node, properties[i]))
            vm->access[i] = (uint8_t)reader_rights(reader, node, properties[i], rights);
    }
}

// A file is named by `path` (in the file system) or by `built-in` (in the boot bundle).
static void read_file(struct reader *reader, int node, struct manifest_file *file) {
    bool path = reader_has(reader, node, "path");
    bool builtin = reader_has(reader, node, "built-in");
    if (path == builtin) {
        reader_fail(reader, STATUS_INVALID, node, "",
                    "needs either `path` (a file of the file system) or `built-in` (a file of the "
                    "boot bundle); write one of them");
        return;
    }
    file->source = path ? MANIFEST_SOURCE_PATH : MANIFEST_SOURCE_BUILTIN;
    reader_text(reader, node, path ? "path" : "built-in", file->path, path ? FS_PATH : BUNDLE_NAME,
                READER_REQUIRED);
    if (path && !reader_failed(reader) && file->path[0] != '/')
        reader_fail(reader, STATUS_INVALID, node, "path",
                    "is \"%s\", which is not absolute; begin it with a /", file->path);
}

static void check_in_ram(struct reader *reader, int node, const char *property,
                         const struct manifest_vm *vm, uint64_t address) {
    if (!reader_failed(reader) && !layout_has_ram(vm, address))
        reader_fail(reader, STATUS_RANGE, node, property,
                    "is 0x%llx, which is not in the VM's RAM; choose an address inside one of its "
                    "memory nodes",
                    (unsigned long long)address);
}

static void read_image(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const properties[] = {"path", "built-in", "load-address", "entry", NULL};
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_children});
    read_file(reader, node, &vm->image);
    vm->load_address = reader_number(reader, node, "load-address", 0, UINT64_MAX);
    if (!reader_failed(reader) && vm->load_address % READER_PAGE != 0)
        reader_fail(reader, STATUS_INVALID, node, "load-address",
                    "is 0x%llx; choose a multiple of 0x%x", (unsigned long long)vm->load_address,
                    READER_PAGE);
    check_in_ram(reader, node, "load-address", vm, vm->load_address);
    vm->entry_given = reader_has(reader, node, "entry");
    if (vm->entry_given) {
        vm->entry = reader_number(reader, node, "entry", 0, UINT64_MAX);
        check_in_ram(reader, node, "entry", vm, vm->entry);
    }
}

static void read_optional_file(struct reader *reader, int vm_node, const char *name,
                               struct manifest_file *file) {
    static const char *const properties[] = {"path", "built-in", NULL};
    int node = reader_child(reader, vm_node, name, READER_OPTIONAL);
    if (node < 0)
        return;
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, no_children});
    read_file(reader, node, file);
}

// Files of the file system need a server that reads them, and that can write them into guest RAM.
static void check_loader(struct reader *reader, int node, const struct manifest_vm *vm) {
    bool needed = vm->image.source == MANIFEST_SOURCE_PATH ||
                  vm->initrd.source == MANIFEST_SOURCE_PATH ||
                  vm->device_tree.source == MANIFEST_SOURCE_PATH;
    if (reader_failed(reader))
        return;
    if (needed && vm->loader == MANIFEST_NONE) {
        reader_fail(reader, STATUS_INVALID, node, "loader",
                    "is missing, but a file of the file system is to be read; name the server that "
                    "reads it");
    } else if (!needed && vm->loader != MANIFEST_NONE) {
        reader_fail(reader, STATUS_INVALID, node, "loader",
                    "names a server, but all files are built in; remove it");
    } else if (needed && vm->access[vm->loader] != (RIGHT_R | RIGHT_W)) {
        const char *name = reader->manifest->server[vm->loader].name;
        reader_fail(reader, STATUS_DENIED, node, "loader",
                    "names `%s`, which can't write the guest's RAM; write `%s = \"rw\";` in the "
                    "node `access`",
                    name, name);
    }
}

// Extensions are lower-case letters, digits and what stands between them (RISC-V ISA manual, volume
// I, chapter 27); it is also a text that goes into the guest's tree as it is.
static void read_isa(struct reader *reader, int node, struct manifest_vm *vm) {
    const char *prefix = reader->arch->isa_prefix;
    const char *bases = reader->arch->isa_bases;
    if (prefix == NULL)
        return;
    size_t length = strlen(prefix);
    reader_text(reader, node, "isa", vm->isa, sizeof(vm->isa), READER_OPTIONAL);
    if (vm->isa[0] == '\0' || reader_failed(reader))
        return;
    if (strncmp(vm->isa, prefix, length) != 0 || strcspn(vm->isa + length, bases) != 0 ||
        vm->isa[length] == '\0' ||
        vm->isa[strspn(vm->isa, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        reader_fail(reader, STATUS_INVALID, node, "isa",
                    "is \"%s\"; write it like %s%c..., in lower-case letters, digits and _",
                    vm->isa, prefix, bases[0]);
}

// Their number is limited twice: what one VM can have, all can only have together.
static void read_vcpus(struct reader *reader, int node, struct manifest_vm *vm) {
    const uint32_t most = reader->arch->vcpus;
    uint32_t others = 0;
    for (const struct manifest_vm *other = reader->manifest->vm; other != vm; other++)
        others += other->vcpus;
    vm->vcpus = (uint32_t)reader_number(reader, node, "vcpus", 1, most);
    if (!reader_failed(reader) && vm->vcpus > most - others)
        reader_fail(reader, STATUS_RANGE, node, "vcpus",
                    "is %u, but the VMs before it have %u of the %u that all can have together on "
                    "%s; choose fewer, here or there",
                    vm->vcpus, others, most, reader->arch->name);
}

static void read_vm(struct reader *reader, int node, struct manifest_vm *vm) {
    // The last one where the architecture has it.
    const char *const properties[] = {"id",      "vcpus",
                                      "console", "loader",
                                      "cmdline", reader->arch->isa_prefix != NULL ? "isa" : NULL,
                                      NULL};
    static const char *const children[] = {
        "image",   "initrd",  "device-tree", "exits",           "access",
        "memory@", "devices", "passthrough", "reserved-memory", NULL};
    reader_check_form(reader, node,
                      &(struct reader_form){properties, reader->arch->feature, children});
    reader_name(reader, node, vm->name);
    if (strchr(fdt_get_name(reader->fdt, node, NULL), '@') != NULL)
        reader_fail(reader, STATUS_INVALID, node, "", "is a VM, which has no address; call it `%s`",
                    vm->name);
    vm->id = (uint32_t)reader_number(reader, node, "id", 0, ID_MAX);
    read_vcpus(reader, node, vm);
    for (const struct manifest_feature *f = reader->arch->feature; f->property != NULL; f++)
        vm->features |= reader_flag(reader, node, f->property) ? f->feature : 0;
    vm->console = reader_server(reader, node, "console", READER_OPTIONAL);
    if (vm->console == MANIFEST_NONE)
        vm->console = reader->manifest->console;
    vm->loader = reader_server(reader, node, "loader", READER_OPTIONAL);
    reader_text(reader, node, "cmdline", vm->cmdline, sizeof(vm->cmdline), READER_OPTIONAL);
    read_isa(reader, node, vm);

    int exits = reader_child(reader, node, "exits", READER_REQUIRED);
    int access = reader_child(reader, node, "access", READER_OPTIONAL);
    int image = reader_child(reader, node, "image", READER_REQUIRED);
    if (!reader_failed(reader))
        read_exits(reader, exits, vm);
    if (access >= 0)
        read_access(reader, access, vm);
    if (!reader_failed(reader))
        layout_read(reader, node, vm);
    if (!reader_failed(reader))
        read_image(reader, image, vm);
    read_optional_file(reader, node, "initrd", &vm->initrd);
    read_optional_file(reader, node, "device-tree", &vm->device_tree);
    check_loader(reader, node, vm);
}

// Reports name VMs, and servers know them by id: both are unique.
static void check_unique(struct reader *reader, int node, const struct manifest_vm *vm) {
    for (const struct manifest_vm *other = reader->manifest->vm; other != vm; other++) {
        if (strcmp(other->name, vm->name) == 0)
            reader_fail(reader, STATUS_EXISTS, node, "", "is there twice; remove one");
        else if (other->id == vm->id)
            reader_fail(reader, STATUS_EXISTS, node, "id",
                        "is %u, which /vms/%s has already; choose another", vm->id, other->name);
    }
}

void vms_read(struct reader *reader, int node) {
    static const char *const properties[] = {NULL};
    struct manifest *manifest = reader->manifest;
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, NULL});
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (manifest->vm_count == MANIFEST_VMS)
            reader_fail(reader, STATUS_NO_MEMORY, node, "",
                        "has more than %u VMs; remove some, or raise LIMITS_VMS", MANIFEST_VMS);
        if (reader_failed(reader))
            return;
        struct manifest_vm *vm = &manifest->vm[manifest->vm_count++];
        reader->guest_count = 0;
        read_vm(reader, child, vm);
        check_unique(reader, child, vm);
    }
    if (manifest->vm_count == 0)
        reader_fail(reader, STATUS_INVALID, node, "", "has no VMs; add one");
}
