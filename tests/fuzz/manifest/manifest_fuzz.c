// Whatever a manifest is changed to: it is refused with a message that can be printed, or becomes a
// struct that holds what the library promises, and every VM in it gets a sound device tree.
//
// Random bytes would be refused as no device tree. So an input is a list of changes to a manifest
// of the tree, as dtc compiled it: the first byte chooses which; each change is an operation, a
// node, a property, and a value (a length and so many bytes).

#include <libfdt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/limits.h"
#include "libs/guestdt/guestdt.h"
#include "libs/manifest/manifest.h"
#include "tests/unit/manifest/blobs.h"

#define WORK_SIZE 0x10000
#define TREE_SIZE 0x20000

// Ends the program as a sanitizer does, and says why.
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "broken promise: %s\n", #condition);                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const uint8_t *const bases[] = {blob_default, blob_two_vms, blob_bench, blob_linux_sstc,
                                       blob_wrong_regions_overlap};

// What the form knows: names for properties and nodes, and servers.
static const char *const names[] = {"compatible",
                                    "architecture",
                                    "object-memory",
                                    "console",
                                    "reg",
                                    "context",
                                    "image",
                                    "deadline-ms",
                                    "state-size",
                                    "dma-size",
                                    "calls",
                                    "signals",
                                    "guest-access",
                                    "emulates",
                                    "interrupt-lines",
                                    "rights",
                                    "id",
                                    "vcpus",
                                    "loader",
                                    "cmdline",
                                    "sstc",
                                    "counters",
                                    "isa",
                                    "populate",
                                    "page",
                                    "path",
                                    "built-in",
                                    "load-address",
                                    "entry",
                                    "hypercall",
                                    "stage2",
                                    "timer",
                                    "idle",
                                    "sysreg",
                                    "io",
                                    "shutdown",
                                    "no-map",
                                    "host",
                                    "bank-width",
                                    "server",
                                    "access",
                                    "initrd",
                                    "device-tree",
                                    "exits",
                                    "devices",
                                    "passthrough",
                                    "reserved-memory",
                                    "memory@80000000",
                                    "memory@90000000",
                                    "init",
                                    "fs-loader",
                                    "sbi-server",
                                    "npf-pager",
                                    "timer-server",
                                    "monitor",
                                    "uart@10000000",
                                    "reset@100000",
                                    "mailbox@80f00000",
                                    "#address-cells",
                                    "start",
                                    "demand"};

struct input {
    const uint8_t *at, *end;
};

static uint8_t take(struct input *input) { return input->at < input->end ? *input->at++ : 0; }

static const void *take_bytes(struct input *input, size_t *size) {
    size_t wanted = take(input);
    size_t left = (size_t)(input->end - input->at);
    *size = wanted < left ? wanted : left;
    const void *bytes = input->at;
    input->at += *size;
    return bytes;
}

static const char *take_name(struct input *input) {
    return names[take(input) % (sizeof(names) / sizeof(names[0]))];
}

static int take_node(struct input *input, const void *fdt) {
    unsigned skip = take(input);
    int node = 0;
    while (skip-- > 0) {
        node = fdt_next_node(fdt, node, NULL);
        if (node < 0)
            node = 0;
    }
    return node;
}

// A property that NODE has; NULL when it has none.
static const char *take_property(struct input *input, const void *fdt, int node) {
    unsigned skip = take(input) % 16;
    const char *name = NULL;
    int offset = fdt_first_property_offset(fdt, node);
    for (; offset >= 0; offset = fdt_next_property_offset(fdt, offset)) {
        if (fdt_getprop_by_offset(fdt, offset, &name, NULL) == NULL || skip-- == 0)
            break;
    }
    return name;
}

enum operation { SET, SET_KNOWN, SET_CELL, SET_NAME, SET_FLAG, DROP, ADD, REMOVE, OPERATIONS };

static void change_cell(struct input *input, void *fdt, int node, const char *property) {
    int length = 0;
    void *value = fdt_getprop_w(fdt, node, property, &length);
    unsigned cell = take(input) % 8 * 4, shift = take(input) % 32;
    int8_t by = (int8_t)take(input);
    if (value == NULL || cell + 4 > (unsigned)length)
        return;
    fdt32_t *at = (fdt32_t *)((uint8_t *)value + cell);
    fdt32_st(at, fdt32_ld(at) + ((uint32_t)by << shift));
}

// What libfdt refuses (no room, a name that exists) is left undone.
static void change(struct input *input, void *fdt) {
    enum operation operation = take(input) % OPERATIONS;
    int node = take_node(input, fdt), done = 0;
    size_t size = 0;
    const char *property = NULL, *text = NULL;
    if (operation == SET || operation == SET_NAME || operation == SET_CELL || operation == DROP)
        property = take_property(input, fdt, node);
    else if (operation != REMOVE)
        property = take_name(input);
    if (property == NULL && operation != REMOVE)
        return;
    switch (operation) {
    case SET:
    case SET_KNOWN: {
        const void *bytes = take_bytes(input, &size);
        done = fdt_setprop(fdt, node, property, bytes, (int)size);
        break;
    }
    case SET_CELL:
        change_cell(input, fdt, node, property);
        break;
    case SET_NAME:
        text = take_name(input);
        done = fdt_setprop(fdt, node, property, text, (int)strlen(text) + 1);
        break;
    case SET_FLAG:
        done = fdt_setprop(fdt, node, property, NULL, 0);
        break;
    case DROP:
        done = fdt_delprop(fdt, node, property);
        break;
    case ADD:
        done = fdt_add_subnode(fdt, node, property);
        break;
    case REMOVE:
    default:
        done = node == 0 ? 0 : fdt_del_node(fdt, node);
        break;
    }
    (void)done;
}

// The last changes: single bytes anywhere, and its length.
static size_t damage(struct input *input, uint8_t *blob, size_t size) {
    for (unsigned count = take(input) % 8; count > 0; count--) {
        size_t at = (size_t)take(input) << 8;
        at |= take(input);
        blob[at % size] = take(input);
    }
    return take(input) == 1 ? size - take(input) % size : size;
}

static bool is_text(const char *text, size_t size) { return memchr(text, '\0', size) != NULL; }
#define IS_TEXT(field) is_text(field, sizeof(field))

static bool overlap(struct manifest_range a, struct manifest_range b) {
    return a.address < b.address + b.size && b.address < a.address + a.size;
}

static bool is_range(struct manifest_range range) {
    return range.size > 0 && range.address + range.size > range.address;
}

static void check_servers(const struct manifest *manifest) {
    CHECK(manifest->server_count >= 1 && manifest->server_count <= MANIFEST_SERVERS);
    for (uint32_t i = 0; i < manifest->server_count; i++) {
        const struct manifest_server *server = &manifest->server[i];
        CHECK(IS_TEXT(server->name) && IS_TEXT(server->image));
        CHECK(manifest_find_server(manifest, server->name) == i);
        CHECK((server->calls & 1u << i) == 0 && server->deadline_ms > 0);
        CHECK((server->calls | server->signals) >>
              manifest->server_count << manifest->server_count <= 1u << MANIFEST_INIT);
        CHECK(server->state_size % 4096 == 0 && server->dma_size % 4096 == 0);
        CHECK(server->window_count <= MANIFEST_WINDOWS);
        CHECK(server->interrupt_count == 0 || manifest->interrupt_controller.present);
        for (uint32_t w = 0; w < server->window_count; w++) {
            CHECK(is_range(server->window[w].host) && IS_TEXT(server->window[w].name));
            CHECK(!overlap(server->window[w].host, manifest->reset));
            for (uint32_t j = 0; j < i; j++) {
                for (uint32_t x = 0; x < manifest->server[j].window_count; x++)
                    CHECK(!overlap(server->window[w].host, manifest->server[j].window[x].host));
            }
        }
    }
}

static bool is_in_ram(const struct manifest_vm *vm, uint64_t address) {
    bool found = false;
    for (uint32_t i = 0; i < vm->memory_count; i++)
        found = found || overlap(vm->memory[i].guest, (struct manifest_range){address, 1});
    return found;
}

static void check_vm(const struct manifest *manifest, const struct manifest_vm *vm) {
    CHECK(IS_TEXT(vm->name) && IS_TEXT(vm->cmdline) && IS_TEXT(vm->isa));
    CHECK(vm->vcpus >= 1 && vm->vcpus <= LIMITS_VCPUS && vm->id < 256);
    CHECK(vm->console < manifest->server_count);
    for (unsigned class = 0; class < EXIT_GUEST_CLASSES; class ++)
        CHECK(class == EXIT_IO || class == EXIT_WINDOW ? vm->exit[class] == MANIFEST_NONE
                                                       : vm->exit[class] < manifest->server_count);
    CHECK(vm->image.source != MANIFEST_SOURCE_NONE && IS_TEXT(vm->image.path));
    CHECK(vm->image.source != MANIFEST_SOURCE_PATH ||
          vm->access[vm->loader] == (RIGHT_R | RIGHT_W));
    CHECK(is_in_ram(vm, vm->load_address) && (!vm->entry_given || is_in_ram(vm, vm->entry)));
    CHECK(vm->memory_count >= 1 && vm->memory_count <= MANIFEST_MEMORY);
    for (uint32_t i = 0; i < vm->memory_count; i++) {
        struct manifest_range guest = vm->memory[i].guest;
        CHECK(is_range(guest) && (guest.address | guest.size) % 4096 == 0);
        CHECK((guest.address | guest.size) % vm->memory[i].page == 0);
        CHECK(i == 0 ||
              vm->memory[i - 1].guest.address + vm->memory[i - 1].guest.size <= guest.address);
        for (uint32_t j = 0; j < vm->device_count; j++)
            CHECK(!overlap(guest, vm->device[j].guest));
        for (uint32_t j = 0; j < vm->passthrough_count; j++)
            CHECK(!overlap(guest, vm->passthrough[j].guest));
    }
    for (uint32_t i = 0; i < vm->reserved_count; i++)
        CHECK(is_in_ram(vm, vm->reserved[i].guest.address));
    for (uint32_t i = 0; i < vm->device_count; i++)
        CHECK(vm->device[i].server < manifest->server_count && is_range(vm->device[i].guest));
}

// No server's registers are a guest's, and what a guest can write is one guest's only.
static void check_passthrough(const struct manifest *manifest, uint32_t index) {
    const struct manifest_vm *vm = &manifest->vm[index];
    for (uint32_t i = 0; i < vm->passthrough_count; i++) {
        struct manifest_range host = {vm->passthrough[i].host, vm->passthrough[i].guest.size};
        CHECK(is_range(host) && is_range(vm->passthrough[i].guest));
        for (uint32_t s = 0; s < manifest->server_count; s++) {
            for (uint32_t w = 0; w < manifest->server[s].window_count; w++)
                CHECK(!overlap(host, manifest->server[s].window[w].host));
        }
        for (uint32_t v = 0; v < index; v++) {
            for (uint32_t j = 0; j < manifest->vm[v].passthrough_count; j++) {
                const struct manifest_passthrough *other = &manifest->vm[v].passthrough[j];
                struct manifest_range theirs = {other->host, other->guest.size};
                CHECK(!overlap(host, theirs) ||
                      ((vm->passthrough[i].rights | other->rights) & RIGHT_W) == 0);
            }
        }
    }
}

static void check_tree(const struct manifest_vm *vm) {
    static _Alignas(8) uint8_t tree[TREE_SIZE];
    const struct guestdt_params params = {
        .timebase = 10000000, .isa = "rv64imafdch_zicsr_sstc", .mmu = "riscv,sv39"};
    size_t used = 0;
    enum status status = guestdt_make(vm, &params, tree, sizeof(tree), &used);
    // A list of extensions of its own can be longer than there is room for.
    CHECK(status == STATUS_OK || (status == STATUS_INVALID && vm->isa[0] != '\0'));
    CHECK(status != STATUS_OK || fdt_check_full(tree, used) == 0);
}

static void check_error(const struct manifest_error *error) {
    CHECK(IS_TEXT(error->node) && IS_TEXT(error->property) && IS_TEXT(error->text));
    CHECK(error->text[0] != '\0');
    for (const char *c = error->text; *c != '\0'; c++)
        CHECK(*c >= 0x20 && *c <= 0x7e);
    CHECK(strncmp(error->text, error->node, strlen(error->node)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static _Alignas(8) uint8_t work[WORK_SIZE];
    static struct manifest manifest;
    struct manifest_error error;
    struct input input = {data, data + size};
    const uint8_t *base = bases[take(&input) % (sizeof(bases) / sizeof(bases[0]))];
    CHECK(fdt_open_into(base, work, sizeof(work)) == 0);
    for (unsigned changes = take(&input) % 16; changes > 0; changes--)
        change(&input, work);
    CHECK(fdt_pack(work) == 0);
    size_t length = damage(&input, work, fdt_totalsize(work));
    // A block of its own, for the sanitizer.
    uint8_t *blob = malloc(length);
    CHECK(blob != NULL);
    memcpy(blob, work, length);
    enum status status = manifest_parse(blob, length, "riscv64", &manifest, &error);
    free(blob); // the struct has nothing that points there
    if (status != STATUS_OK) {
        check_error(&error);
        return 0;
    }
    check_servers(&manifest);
    CHECK(manifest.vm_count >= 1 && manifest.vm_count <= MANIFEST_VMS);
    uint32_t vcpus = 0, devices = 0;
    for (uint32_t i = 0; i < manifest.vm_count; i++) {
        vcpus += manifest.vm[i].vcpus;
        devices += manifest.vm[i].device_count;
        check_vm(&manifest, &manifest.vm[i]);
        check_passthrough(&manifest, i);
        check_tree(&manifest.vm[i]);
    }
    CHECK(vcpus <= LIMITS_VCPUS && devices <= LIMITS_DEVICES);
    const struct manifest_range ram = {0x80000000, 0x10000000};
    status = manifest_check_machine(&manifest, &ram, 1, 128u << 20, &error);
    if (status != STATUS_OK)
        check_error(&error);
    return 0;
}
