// What a guest finds at its guest-physical addresses.
#include <libfdt.h>
#include <string.h>

#include "libs/manifest/parts.h"

#define PAGE_LARGE (2u << 20)

static const char *const no_children[] = {NULL};
static const char *const no_properties[] = {NULL};

bool layout_has_ram(const struct manifest_vm *vm, uint64_t address) {
    for (uint32_t i = 0; i < vm->memory_count; i++) {
        if (address >= vm->memory[i].guest.address &&
            address - vm->memory[i].guest.address < vm->memory[i].guest.size)
            return true;
    }
    return false;
}

// Keeps the list in ascending order; no two overlap.
static void insert_memory(struct manifest_vm *vm, const struct manifest_memory *new) {
    uint32_t at = vm->memory_count++;
    for (; at > 0 && vm->memory[at - 1].guest.address > new->guest.address; at--)
        vm->memory[at] = vm->memory[at - 1];
    vm->memory[at] = *new;
}

// The size of the pages mapped on demand, which must fill the region.
static uint32_t read_page(struct reader *reader, int node, const struct manifest_memory *memory) {
    uint64_t whole = memory->guest.address | memory->guest.size;
    uint32_t fitting = whole % PAGE_LARGE == 0 ? PAGE_LARGE : READER_PAGE;
    if (memory->populate == MANIFEST_POPULATE_START) {
        if (reader_has(reader, node, "page"))
            reader_fail(reader, STATUS_INVALID, node, "page",
                        "has no meaning for memory that is populated at the start, which is "
                        "mapped by the largest pages that fit; remove it");
        return fitting;
    }
    uint64_t page = reader_number_or(reader, node, "page", READER_PAGE, PAGE_LARGE, fitting);
    if (reader_failed(reader))
        return READER_PAGE;
    if (page != READER_PAGE && page != PAGE_LARGE)
        reader_fail(reader, STATUS_INVALID, node, "page", "is %llu; choose %u or %u",
                    (unsigned long long)page, READER_PAGE, PAGE_LARGE);
    else if (whole % page != 0)
        reader_fail(reader, STATUS_INVALID, node, "page",
                    "is %u, but the region's address or size is no multiple of it; choose %u",
                    PAGE_LARGE, READER_PAGE);
    return (uint32_t)page;
}

static void read_memory(struct reader *reader, int vm_node, struct manifest_vm *vm) {
    static const char *const properties[] = {"reg", "populate", "page", NULL};
    static const char *const populate[] = {"start", "demand", NULL};
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, vm_node) {
        if (strncmp(fdt_get_name(reader->fdt, child, NULL), "memory@", 7) != 0)
            continue;
        if (vm->memory_count == MANIFEST_MEMORY)
            reader_fail(reader, STATUS_NO_MEMORY, vm_node, "",
                        "has more than %u memory nodes; join some, or raise MANIFEST_MEMORY",
                        MANIFEST_MEMORY);
        if (reader_failed(reader))
            return;
        struct manifest_memory memory = {0};
        reader_check_form(reader, child, &(struct reader_form){properties, NULL, no_children});
        memory.guest = reader_reg(reader, child, READER_PAGE, reader->arch->guest_bits);
        memory.populate = reader_choice(reader, child, "populate", populate) == 0
                              ? MANIFEST_POPULATE_START
                              : MANIFEST_POPULATE_DEMAND;
        memory.page = read_page(reader, child, &memory);
        reader_claim_guest(reader, child, "reg", memory.guest);
        insert_memory(vm, &memory);
    }
    if (vm->memory_count == 0)
        reader_fail(reader, STATUS_INVALID, vm_node, "", "has no node `memory@...`; add one");
}

static void read_reserved(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const properties[] = {"reg", "no-map", NULL};
    reader_check_form(reader, node, &(struct reader_form){no_properties, NULL, NULL});
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (vm->reserved_count == MANIFEST_RESERVED)
            reader_fail(reader, STATUS_NO_MEMORY, node, "",
                        "has more than %u ranges; join some, or raise MANIFEST_RESERVED",
                        MANIFEST_RESERVED);
        if (reader_failed(reader))
            return;
        struct manifest_reserved *reserved = &vm->reserved[vm->reserved_count];
        reader_check_form(reader, child, &(struct reader_form){properties, NULL, no_children});
        reader_name(reader, child, reserved->name);
        reserved->guest = reader_reg(reader, child, READER_PAGE, reader->arch->guest_bits);
        reserved->no_map = reader_flag(reader, child, "no-map");
        bool inside = false;
        for (uint32_t i = 0; i < vm->memory_count; i++)
            inside = inside || reader_inside(reserved->guest, vm->memory[i].guest);
        if (!inside)
            reader_fail(reader, STATUS_RANGE, child, "reg",
                        "is not inside one of the VM's memory nodes; only RAM can be reserved");
        for (uint32_t i = 0; i < vm->reserved_count; i++) {
            if (reader_overlap(reserved->guest, vm->reserved[i].guest))
                reader_fail(reader, STATUS_EXISTS, child, "reg",
                            "overlaps `%s`, which is reserved already; join or move them",
                            vm->reserved[i].name);
        }
        vm->reserved_count++;
    }
}

static void read_passthrough(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const properties[] = {"reg",        "host",       "rights",
                                             "compatible", "bank-width", NULL};
    static const char *const rights[] = {"r", "rw", "rx", "rwx", NULL};
    reader_check_form(reader, node, &(struct reader_form){no_properties, NULL, NULL});
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (vm->passthrough_count == MANIFEST_PASSTHROUGH)
            reader_fail(reader, STATUS_NO_MEMORY, node, "",
                        "has more than %u ranges; join some, or raise MANIFEST_PASSTHROUGH",
                        MANIFEST_PASSTHROUGH);
        if (reader_failed(reader))
            return;
        struct manifest_passthrough *pass = &vm->passthrough[vm->passthrough_count++];
        reader_check_form(reader, child, &(struct reader_form){properties, NULL, no_children});
        reader_name(reader, child, pass->name);
        pass->guest = reader_reg(reader, child, READER_PAGE, reader->arch->guest_bits);
        uint64_t last = (1ull << reader->arch->host_bits) - pass->guest.size;
        pass->host = reader_number(reader, child, "host", 0, last);
        if (pass->host % READER_PAGE != 0)
            reader_fail(reader, STATUS_INVALID, child, "host",
                        "is 0x%llx; choose a multiple of 0x%x", (unsigned long long)pass->host,
                        READER_PAGE);
        pass->rights = reader_rights(reader, child, "rights", rights);
        reader_text(reader, child, "compatible", pass->compatible, sizeof(pass->compatible),
                    READER_OPTIONAL);
        pass->bank_width = (uint32_t)reader_number_or(reader, child, "bank-width", 1, 8, 0);
        reader_claim_guest(reader, child, "reg", pass->guest);
        // What nobody can write, several guests may read.
        reader_claim_host(reader, child, "host",
                          (struct manifest_range){pass->host, pass->guest.size},
                          (pass->rights & RIGHT_W) == 0);
    }
}

// The server must say that it emulates such a device, and the exits must find their way to it.
static void check_emulation(struct reader *reader, int node, const struct manifest_vm *vm,
                            const struct manifest_device *device) {
    if (reader_failed(reader))
        return;
    const struct manifest_server *server = &reader->manifest->server[device->server];
    const struct manifest_server *first = &reader->manifest->server[vm->exit[EXIT_STAGE2]];
    bool emulates = false;
    for (uint32_t i = 0; i < server->emulates_count; i++)
        emulates = emulates || strcmp(server->emulates[i], device->compatible) == 0;
    if (!emulates)
        reader_fail(reader, STATUS_UNSUPPORTED, node, "compatible",
                    "is \"%s\", which is not among /servers/%s's `emulates`; correct it or name "
                    "another server",
                    device->compatible, server->name);
    else if (server != first && (first->calls >> device->server & 1) == 0)
        reader_fail(reader, STATUS_DENIED, node, "server",
                    "names `%s`, but `%s` gets the VM's stage2 exits and may not call it; add it "
                    "to /servers/%s's `calls`",
                    server->name, first->name, first->name);
}

static const struct manifest_controller *controller_of(const struct reader *reader,
                                                       const struct manifest_device *device) {
    const struct manifest_controller *kind =
        manifest_arch_controller(reader->arch, device->compatible);
    return kind != NULL && kind->vcpus != 0 ? kind : NULL;
}

// What a guest's CPUs have of its interrupt controller is made by the machine's own.
static void read_cpu_part(struct reader *reader, int node, const struct manifest_vm *vm,
                          const struct manifest_controller *kind, struct manifest_device *device) {
    if (kind != reader->controller) {
        reader_fail(reader, STATUS_UNSUPPORTED, node, "compatible",
                    "is \"%s\", but the machine's own is %s; a guest's is of the same kind",
                    kind->compatible,
                    reader->controller != NULL ? reader->controller->compatible : "missing");
        return;
    }
    if (vm->vcpus > kind->vcpus)
        reader_fail(reader, STATUS_INVALID, node, "compatible",
                    "is \"%s\", which is for %u vCPUs at most; the VM has %u", kind->compatible,
                    kind->vcpus, vm->vcpus);
    device->cpu_part = reader_part(reader, node, &kind->part[0], kind->shared ? 1 : vm->vcpus,
                                   reader->arch->guest_bits);
    if (kind->guests != 0)
        device->cpu_part_host =
            reader->manifest->interrupt_controller.part[kind->guests].range.address;
    if (!reader_failed(reader))
        reader_claim_guest(reader, node, kind->part[0].property, device->cpu_part);
}

// Such a part is a controller's alone.
static void check_no_cpu_part(struct reader *reader, int node, const char *own,
                              const struct manifest_device *device) {
    for (const struct manifest_controller *kind = reader->arch->controller; kind->compatible;
         kind++) {
        const char *property = kind->part[0].property;
        if (property != NULL && (own == NULL || strcmp(property, own) != 0) &&
            reader_has(reader, node, property))
            reader_fail(reader, STATUS_INVALID, node, property,
                        "is an interrupt controller's%s%s%s, which \"%s\" is not; remove it",
                        own ? " that is \"" : "", own ? kind->compatible : "", own ? "\"" : "",
                        device->compatible);
    }
}

// An interrupt controller has a part for its CPUs, and others interrupt by one of its lines.
static void read_interrupts(struct reader *reader, int node, const struct manifest_vm *vm,
                            struct manifest_device *device) {
    const struct manifest_controller *kind = controller_of(reader, device);
    check_no_cpu_part(reader, node, kind ? kind->part[0].property : NULL, device);
    if (kind != NULL && !reader_failed(reader))
        read_cpu_part(reader, node, vm, kind, device);
    if (reader->arch->emulated_line_last != 0)
        device->line = (uint32_t)reader_number_or(reader, node, "interrupt-line", 1,
                                                  reader->arch->emulated_line_last, 0);
}

// Lines lead to a controller, one device each; and there is no second controller.
static void check_lines(struct reader *reader, int node, const struct manifest_vm *vm) {
    const struct manifest_device *controller = NULL;
    uint32_t index = 0;
    int child = 0;
    for (uint32_t i = 0; i < vm->device_count; i++) {
        if (controller_of(reader, &vm->device[i]) != NULL)
            controller = controller == NULL ? &vm->device[i] : controller;
    }
    fdt_for_each_subnode(child, reader->fdt, node) {
        const struct manifest_device *device = &vm->device[index++];
        if (controller_of(reader, device) != NULL && device != controller)
            reader_fail(reader, STATUS_EXISTS, child, "compatible",
                        "makes this a second interrupt controller, beside `%s`; remove one",
                        controller->name);
        if (device->line == 0)
            continue;
        if (controller == NULL || device == controller)
            reader_fail(reader, STATUS_INVALID, child, "interrupt-line",
                        "leads nowhere; add a device that is \"%s\", or remove this",
                        reader->controller != NULL ? reader->controller->compatible
                                                   : reader->arch->controller->compatible);
        for (const struct manifest_device *other = vm->device; other != device; other++) {
            if (other->line == device->line)
                reader_fail(reader, STATUS_EXISTS, child, "interrupt-line",
                            "is %u, which `%s` has already; choose another", device->line,
                            other->name);
        }
    }
}

// A VM has one console, and it is its UART's.
static void check_uarts(struct reader *reader, int node, const struct manifest_vm *vm) {
    const char *uart = reader->arch->console;
    const struct manifest_device *first = NULL;
    uint32_t index = 0;
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        const struct manifest_device *device = &vm->device[index++];
        if (uart == NULL || strcmp(device->compatible, uart) != 0)
            continue;
        if (first != NULL)
            reader_fail(reader, STATUS_EXISTS, child, "compatible",
                        "makes this a second UART, beside `%s`, for the VM's one console; remove "
                        "one",
                        first->name);
        first = device;
    }
}

// Their number is limited twice: of one VM, and of all VMs together.
static void check_device_count(struct reader *reader, int node, const struct manifest_vm *vm) {
    uint32_t others = 0;
    for (const struct manifest_vm *other = reader->manifest->vm; other != vm; other++)
        others += other->device_count;
    if (vm->device_count == MANIFEST_DEVICES)
        reader_fail(reader, STATUS_NO_MEMORY, node, "",
                    "has more than %u devices; remove some, or raise MANIFEST_DEVICES",
                    MANIFEST_DEVICES);
    else if (vm->device_count + others == LIMITS_DEVICES)
        reader_fail(reader, STATUS_RANGE, node, "",
                    "has more devices than there is room for: the VMs before it have %u of the %u "
                    "that all can have together; remove some, here or there",
                    others, LIMITS_DEVICES);
}

static void read_devices(struct reader *reader, int node, struct manifest_vm *vm) {
    static const char *const all[] = {"compatible", "reg", "server", NULL};
    static const char *const with_lines[] = {
        "compatible", "reg", "server", "interrupt-line", "redistributors", "cpu-interface", NULL};
    const char *const *properties = reader->arch->emulated_line_last != 0 ? with_lines : all;
    reader_check_form(reader, node, &(struct reader_form){no_properties, NULL, NULL});
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        check_device_count(reader, node, vm);
        if (reader_failed(reader))
            return;
        struct manifest_device *device = &vm->device[vm->device_count++];
        reader_check_form(reader, child, &(struct reader_form){properties, NULL, no_children});
        reader_name(reader, child, device->name);
        reader_text(reader, child, "compatible", device->compatible, sizeof(device->compatible),
                    READER_REQUIRED);
        device->guest = reader_reg(reader, child, 1, reader->arch->guest_bits);
        device->server = reader_server(reader, child, "server", READER_REQUIRED);
        check_emulation(reader, child, vm, device);
        reader_claim_guest(reader, child, "reg", device->guest);
        read_interrupts(reader, child, vm, device);
    }
    if (!reader_failed(reader)) {
        check_lines(reader, node, vm);
        check_uarts(reader, node, vm);
    }
}

void layout_read(struct reader *reader, int node, struct manifest_vm *vm) {
    int reserved = reader_child(reader, node, "reserved-memory", READER_OPTIONAL);
    int passthrough = reader_child(reader, node, "passthrough", READER_OPTIONAL);
    int devices = reader_child(reader, node, "devices", READER_OPTIONAL);
    read_memory(reader, node, vm);
    if (reserved >= 0 && !reader_failed(reader))
        read_reserved(reader, reserved, vm);
    if (passthrough >= 0 && !reader_failed(reader))
        read_passthrough(reader, passthrough, vm);
    if (devices >= 0 && !reader_failed(reader))
        read_devices(reader, devices, vm);
}
