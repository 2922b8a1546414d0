// The checks that need the machine: where it has RAM, and how much of it is free.
#include <string.h>

#include "libs/manifest/manifest.h"
#include "libs/manifest/reader.h"
#include "libs/text/text.h"

// Writes the whole message; there is no blob any more whose nodes could be asked for their names.
static enum status fail(struct manifest_error *error, const char *property, const char *what) {
    text_format(error->property, sizeof(error->property), "%s", property);
    text_format(error->text, sizeof(error->text), "%s: property `%s` %s", error->node, property,
                what);
    return STATUS_RANGE;
}

// Memory is given out by init alone: a window or a passthrough on it would be a hole in that, up to
// the core's own pages.
static bool touches_ram(struct manifest_range range, const struct manifest_range *ram,
                        unsigned count, char *what, size_t size) {
    for (unsigned i = 0; i < count; i++) {
        if (!reader_overlap(range, ram[i]))
            continue;
        text_format(what, size,
                    "names 0x%llx-0x%llx, but the machine has RAM at 0x%llx-0x%llx; only devices "
                    "can be given away like this",
                    (unsigned long long)range.address,
                    (unsigned long long)(range.address + range.size - 1),
                    (unsigned long long)ram[i].address,
                    (unsigned long long)(ram[i].address + ram[i].size - 1));
        return true;
    }
    return false;
}

static void name_node(struct manifest_error *error, const char *parent, const char *owner,
                      const char *between, const char *name, uint64_t address) {
    text_format(error->node, sizeof(error->node), "/%s%s%s%s@%llx", parent, owner, between, name,
                (unsigned long long)address);
}

static enum status check_host(const struct manifest *manifest, const struct manifest_range *ram,
                              unsigned count, struct manifest_error *error) {
    char what[200];
    name_node(error, "host", "", "/", "reset", manifest->reset.address);
    if (touches_ram(manifest->reset, ram, count, what, sizeof(what)))
        return fail(error, "reg", what);
    name_node(error, "host", "", "/", "console", manifest->panic_console.address);
    if (touches_ram(manifest->panic_console, ram, count, what, sizeof(what)))
        return fail(error, "reg", what);
    struct manifest_range controller = manifest->interrupt_controller.host;
    name_node(error, "host", "", "/", "interrupt-controller", controller.address);
    if (manifest->interrupt_controller.present &&
        touches_ram(controller, ram, count, what, sizeof(what)))
        return fail(error, "reg", what);
    for (unsigned i = 0; i < MANIFEST_CONTROLLER_PARTS; i++) {
        const struct manifest_part *part = &manifest->interrupt_controller.part[i];
        if (part->property != NULL && touches_ram(part->range, ram, count, what, sizeof(what)))
            return fail(error, part->property, what);
    }
    for (uint32_t s = 0; s < manifest->server_count; s++) {
        const struct manifest_server *server = &manifest->server[s];
        for (uint32_t i = 0; i < server->window_count; i++) {
            const struct manifest_window *window = &server->window[i];
            name_node(error, "servers/", server->name, "/", window->name, window->host.address);
            if (touches_ram(window->host, ram, count, what, sizeof(what)))
                return fail(error, "reg", what);
        }
    }
    return STATUS_OK;
}

static enum status check_passthrough(const struct manifest *manifest,
                                     const struct manifest_range *ram, unsigned count,
                                     struct manifest_error *error) {
    char what[200];
    for (uint32_t v = 0; v < manifest->vm_count; v++) {
        const struct manifest_vm *vm = &manifest->vm[v];
        for (uint32_t i = 0; i < vm->passthrough_count; i++) {
            const struct manifest_passthrough *pass = &vm->passthrough[i];
            name_node(error, "vms/", vm->name, "/passthrough/", pass->name, pass->guest.address);
            struct manifest_range host = {pass->host, pass->guest.size};
            if (touches_ram(host, ram, count, what, sizeof(what)))
                return fail(error, "host", what);
        }
    }
    return STATUS_OK;
}

static enum status check_room(const struct manifest *manifest, uint64_t room,
                              struct manifest_error *error) {
    char what[160];
    uint64_t left = room;
    for (uint32_t v = 0; v < manifest->vm_count; v++) {
        const struct manifest_vm *vm = &manifest->vm[v];
        for (uint32_t i = 0; i < vm->memory_count; i++) {
            struct manifest_range guest = vm->memory[i].guest;
            name_node(error, "vms/", vm->name, "/", "memory", guest.address);
            if (guest.size >= left) {
                text_format(what, sizeof(what),
                            "wants %llu KiB, but of the machine's memory only %llu KiB are left; "
                            "give the machine more, or the VM less",
                            (unsigned long long)(guest.size >> 10),
                            (unsigned long long)(left >> 10));
                return fail(error, "reg", what);
            }
            left -= guest.size;
        }
    }
    return STATUS_OK;
}

enum status manifest_check_machine(const struct manifest *manifest,
                                   const struct manifest_range *ram, unsigned count, uint64_t room,
                                   struct manifest_error *error) {
    memset(error, 0, sizeof(*error));
    enum status status = check_host(manifest, ram, count, error);
    if (status == STATUS_OK)
        status = check_passthrough(manifest, ram, count, error);
    if (status == STATUS_OK)
        status = check_room(manifest, room, error);
    if (status == STATUS_OK)
        memset(error, 0, sizeof(*error));
    return status;
}
