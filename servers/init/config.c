// What each server is given, as the manifest says. The names below are part of the servers'
// protocols: each server's main.c says which it looks for.
#include <stdio.h>
#include <string.h>

#include "arch/device.h"
#include "ipc/console.h"
#include "libs/uart/uart.h"
#include "servers/init/init.h"

#define WINDOW_LARGE (1ull << 21)

static struct config_entry *config_add(struct config_writer *writer, enum config_kind kind,
                                       const char *name) {
    struct config *config = writer->config;
    struct config_entry *entry = &config->entry[config->count];
    if ((char *)(entry + 1) > writer->text) {
        init_refuse("init: /servers/%s: its configuration does not fit",
                    init.server[writer->server].manifest->name);
        init_end(1);
    }
    config->count++;
    entry->kind = kind;
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    return entry;
}

static void config_number(struct config_writer *writer, const char *name, uint64_t number) {
    config_add(writer, CONFIG_NUMBER, name)->address = number;
}

static void config_text(struct config_writer *writer, const char *name, const char *text) {
    size_t size = strlen(text) + 1;
    struct config_entry *entry = config_add(writer, CONFIG_TEXT, name);
    writer->text -= size;
    memcpy(writer->text, text, size);
    entry->address = (uint64_t)(uintptr_t)writer->text;
    entry->size = size;
}

static unsigned config_task(const struct config_writer *writer) { return writer->body->slot; }

// A capability to the portal in init's slot PORTAL; its receiver will see BADGE.
static unsigned config_portal(struct config_writer *writer, const char *name, unsigned portal,
                              uint64_t badge) {
    struct config_entry *entry = config_add(writer, CONFIG_CAP, name);
    entry->slot = writer->slot++;
    core_grant(config_task(writer), entry->slot, portal, RIGHT_CALL, badge, name);
    return entry->slot;
}

// Memory that the server has mapped, at an address of init's choice.
static struct config_entry *config_window(struct config_writer *writer, const char *name,
                                          struct memory memory, uint64_t rights) {
    struct config_entry *entry = config_add(writer, CONFIG_WINDOW, name);
    if (memory.size >= WINDOW_LARGE) {
        // Congruent, so that large pages fit.
        writer->address = ((writer->address + WINDOW_LARGE - 1) & ~(WINDOW_LARGE - 1)) +
                          memory.physical % WINDOW_LARGE;
    }
    uint64_t place = rights & RIGHT_DEVICE ? arch_device_place(memory.physical) : 0;
    entry->address = place ? place : writer->address;
    entry->size = memory.size;
    entry->physical = memory.physical;
    entry->rights = rights;
    core_map(writer->body->slot + 1, entry->address, memory.physical, memory.size, rights, name);
    writer->address += place ? 0 : memory.size;
    return entry;
}

// A device's registers, and which device that is.
static void config_device(struct config_writer *writer, const struct manifest_window *window) {
    config_window(writer, window->name, (struct memory){window->host.address, window->host.size},
                  window->rights | RIGHT_DEVICE)
        ->guest = window->slot_size;
    if (window->compatible[0]) {
        char name[CONFIG_NAME];
        snprintf(name, sizeof(name), "%s" CONFIG_COMPATIBLE, window->name);
        config_text(writer, name, window->compatible);
    }
}

// The right to map a range of physical memory into a guest.
static void config_frame(struct config_writer *writer, const char *name, struct memory memory,
                         uint64_t guest, uint64_t rights, uint64_t bits) {
    struct config_entry *entry = config_add(writer, CONFIG_CAP, name);
    entry->slot = writer->slot++;
    entry->address = bits; // of the page to be mapped at a touch
    entry->size = memory.size;
    entry->physical = memory.physical;
    entry->guest = guest;
    entry->rights = rights;
    core_grant_frame(config_task(writer), entry->slot, memory, rights, name);
}

static bool config_serves(const struct manifest_vm *vm, enum exit_class c, unsigned server) {
    return vm->exit[c] == server;
}

// Who shows what the guest prints: the server that emulates its UART, or where it has none that of
// hypercalls, which are its console then.
static unsigned config_console_owner(const struct manifest_vm *vm) {
    for (unsigned i = 0; i < vm->device_count; i++) {
        const char *compatible = vm->device[i].compatible;
        if (uart_find(compatible, strlen(compatible) + 1)) {
            return vm->device[i].server;
        }
    }
    return vm->exit[EXIT_HYPERCALL];
}

static void config_guest_console(struct config_writer *writer, const struct vm *vm) {
    char name[CONFIG_NAME * 2];
    snprintf(name, sizeof(name), "console-out-%u", vm->manifest->id);
    config_window(writer, name, vm->output, RIGHT_R | RIGHT_W);
    snprintf(name, sizeof(name), "console-in-%u", vm->manifest->id);
    config_window(writer, name, vm->input, RIGHT_R | RIGHT_W);
}

static uint64_t config_vm_physical(const struct vm *vm, uint64_t guest) {
    for (unsigned i = 0; i < vm->span_count; i++) {
        if (guest >= vm->span[i].guest && guest - vm->span[i].guest < vm->span[i].size) {
            return vm->span[i].physical + (guest - vm->span[i].guest);
        }
    }
    return 0; // the spans are made of these very regions
}

// What an interrupt controller's CPUs have of it: emulated, too, or the machine's.
static void config_cpu_part(struct config_writer *writer, const struct manifest_vm *vm,
                            const struct manifest_device *device) {
    const struct manifest_range *part = &device->cpu_part;
    char name[CONFIG_NAME * 2];
    if (device->cpu_part_host) {
        snprintf(name, sizeof(name), "passthrough-%u", vm->id);
        config_frame(writer, name, (struct memory){device->cpu_part_host, part->size},
                     part->address, RIGHT_R | RIGHT_W | RIGHT_DEVICE, 12);
    } else if (part->size) {
        snprintf(name, sizeof(name), "device-%u:gic-v3-rd", vm->id);
        struct config_entry *entry = config_add(writer, CONFIG_NUMBER, name);
        entry->guest = part->address;
        entry->size = part->size;
    }
}

// For the server of stage-2 faults: what may be mapped, and what it emulates.
static void config_pager(struct config_writer *writer, const struct vm *vm) {
    const struct manifest_vm *manifest = vm->manifest;
    char name[CONFIG_NAME * 2];
    for (unsigned i = 0; i < manifest->memory_count; i++) {
        const struct manifest_memory *memory = &manifest->memory[i];
        snprintf(name, sizeof(name), "ram-%u", manifest->id);
        config_frame(
            writer, name,
            (struct memory){config_vm_physical(vm, memory->guest.address), memory->guest.size},
            memory->guest.address, RIGHT_R | RIGHT_W | RIGHT_X, memory->page == 4096 ? 12 : 21);
    }
    for (unsigned i = 0; i < manifest->passthrough_count; i++) {
        const struct manifest_passthrough *range = &manifest->passthrough[i];
        snprintf(name, sizeof(name), "passthrough-%u", manifest->id);
        // What is executed can be no device's registers.
        config_frame(writer, name, (struct memory){range->host, range->guest.size},
                     range->guest.address,
                     range->rights | (range->rights & RIGHT_X ? 0 : RIGHT_DEVICE), 21);
    }
    for (unsigned i = 0; i < manifest->device_count; i++) {
        const struct manifest_device *device = &manifest->device[i];
        if (device->server != writer->server) {
            continue;
        }
        const char *model = strrchr(device->compatible, ',');
        snprintf(name, sizeof(name), "device-%u:%s", manifest->id,
                 model ? model + 1 : device->compatible);
        struct config_entry *entry = config_add(writer, CONFIG_NUMBER, name);
        entry->address = device->line;
        entry->guest = device->guest.address;
        entry->size = device->guest.size;
        config_cpu_part(writer, manifest, device);
    }
}

// For who reads registers, and for who raises interrupts: it hears of those that have ended.
static void config_vcpus(struct config_writer *writer, const struct vm *vm, unsigned index) {
    const struct manifest_vm *manifest = vm->manifest;
    const bool raises = config_serves(manifest, EXIT_WINDOW, writer->server);
    char name[CONFIG_NAME * 2];
    if (!raises && !config_serves(manifest, EXIT_STAGE2, writer->server) &&
        !config_serves(manifest, EXIT_IO, writer->server)) {
        return;
    }
    for (unsigned i = 0; i < manifest->vcpus; i++) {
        snprintf(name, sizeof(name), "vcpu-%u", manifest->id);
        struct config_entry *entry = config_add(writer, CONFIG_CAP, name);
        entry->slot = writer->slot++;
        core_grant(config_task(writer), entry->slot, SLOT_VM(index) + VM_SLOT_VCPU + i,
                   RIGHT_R | (raises ? RIGHT_W : 0), 0, name);
    }
}

static void config_vm(struct config_writer *writer, unsigned index) {
    const struct vm *vm = &init.vm[index];
    const struct manifest_vm *manifest = vm->manifest;
    char name[CONFIG_NAME * 2];
    if (config_serves(manifest, EXIT_HYPERCALL, writer->server)) {
        snprintf(name, sizeof(name), "vcpus-%u", manifest->id);
        config_number(writer, name, manifest->vcpus);
    }
    if (config_console_owner(manifest) == writer->server) {
        config_guest_console(writer, vm);
    }
    if (config_serves(manifest, EXIT_STAGE2, writer->server)) {
        config_pager(writer, vm);
        uint8_t controller = manifest->exit[EXIT_WINDOW];
        if (controller != MANIFEST_NONE && controller != writer->server) {
            config_portal(writer, "lapic", SLOT_SERVER(controller) + SERVER_SLOT_PORTAL,
                          writer->server + 1u);
        }
    }
    config_vcpus(writer, vm, index);
    if (manifest->access[writer->server]) {
        snprintf(name, sizeof(name), "guest-ram-%u", manifest->id);
        for (unsigned i = 0; i < vm->span_count; i++) {
            const struct span *span = &vm->span[i];
            config_window(writer, name, (struct memory){span->physical, span->size},
                          manifest->access[writer->server])
                ->guest = span->guest;
        }
    }
}

// One client of the console: its rings, what it is and what it is called.
static void config_client(struct config_writer *writer, unsigned number, struct memory output,
                          struct memory input, enum console_client kind, const char *name) {
    char entry[CONFIG_NAME];
    snprintf(entry, sizeof(entry), "out-%u", number);
    config_window(writer, entry, output, RIGHT_R | RIGHT_W);
    if (input.size) {
        snprintf(entry, sizeof(entry), "in-%u", number);
        config_window(writer, entry, input, RIGHT_R | RIGHT_W);
    }
    snprintf(entry, sizeof(entry), "kind-%u", number);
    config_number(writer, entry, kind);
    snprintf(entry, sizeof(entry), "name-%u", number);
    config_text(writer, entry, name);
}

// A UART that a server emulates interrupts when something is typed.
static void config_typed(struct config_writer *writer, unsigned number,
                         const struct manifest_vm *vm) {
    unsigned owner = config_console_owner(vm);
    if (owner != vm->exit[EXIT_HYPERCALL]) {
        char signal[CONFIG_NAME];
        snprintf(signal, sizeof(signal), "signal-%u", number);
        config_portal(writer, signal, SLOT_SERVER(owner) + SERVER_SLOT_PORTAL, writer->server + 1u);
    }
}

// For the monitor: what init writes down for it, files, and its own lines on the console.
static void config_monitor(struct config_writer *writer) {
    config_window(writer, "monitor", init.look, RIGHT_R);
    config_window(writer, "fs-buffer", init.buffer, RIGHT_R | RIGHT_W);
    config_window(writer, "console-out", init.monitor_output, RIGHT_R | RIGHT_W);
    config_window(writer, "console-in", init.monitor_input, RIGHT_R | RIGHT_W);
}

// For the server that shows lines: guests that name it, and, when it is the hypervisor's console,
// init and all servers.
static void config_console(struct config_writer *writer) {
    const struct memory none = {0};
    unsigned number = 0;
    if (init.manifest.console == writer->server) {
        config_client(writer, number++, init.log, none, CONSOLE_CLIENT_HYPERVISOR, "init");
        for (unsigned i = 0; i < init.manifest.server_count; i++) {
            config_client(writer, number++, init.server[i].log, none, CONSOLE_CLIENT_HYPERVISOR,
                          init.manifest.server[i].name);
        }
    }
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        const struct vm *vm = &init.vm[i];
        if (vm->manifest->console == writer->server) {
            config_client(writer, number++, vm->output, vm->input, CONSOLE_CLIENT_GUEST,
                          vm->manifest->name);
            config_typed(writer, number - 1, vm->manifest);
        }
    }
    if (number > 0) {
        // By which it wakes itself.
        config_portal(writer, "self", SLOT_SERVER(writer->server) + SERVER_SLOT_PORTAL,
                      writer->server + 1u);
    }
    if (init.manifest.console == writer->server && init.monitor != MANIFEST_NONE) {
        char signal[CONFIG_NAME];
        snprintf(signal, sizeof(signal), "signal-%u", number);
        config_client(writer, number, init.monitor_output, init.monitor_input,
                      CONSOLE_CLIENT_MONITOR, init.manifest.server[init.monitor].name);
        config_portal(writer, signal, SLOT_SERVER(init.monitor) + SERVER_SLOT_PORTAL,
                      writer->server + 1u);
    }
}

// Badges: init knows a server by its number in the manifest, everyone else by that plus one, so
// that 0 is init. (The console's clients are in the same order.)
static void config_portals(struct config_writer *writer) {
    const struct manifest_server *manifest = init.server[writer->server].manifest;
    if (manifest->calls >> MANIFEST_INIT & 1) {
        config_portal(writer, "init", SLOT_INIT_PORTAL,
                      server_badge(&init.server[writer->server], writer->side));
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        // Everybody may signal the console: it shows the log.
        bool log = i == init.manifest.console && i != writer->server;
        if (((manifest->calls | manifest->signals) >> i & 1) || log) {
            config_portal(writer, init.manifest.server[i].name, SLOT_SERVER(i) + SERVER_SLOT_PORTAL,
                          writer->server + 1u);
        }
    }
}

static void config_own(struct config_writer *writer) {
    const struct server *server = &init.server[writer->server];
    const struct manifest_server *manifest = server->manifest;
    config_window(writer, "log", server->log, RIGHT_R | RIGHT_W);
    if (server->state.size) {
        config_window(writer, "state", server->state, RIGHT_R | RIGHT_W);
    }
    if (server->dma.size) {
        config_window(writer, "dma", server->dma, RIGHT_R | RIGHT_W);
    }
    for (unsigned i = 0; i < manifest->window_count; i++) {
        config_device(writer, &manifest->window[i]);
    }
    // As many entries for each start: what fits at the first fits at all.
    bool standby = writer->side != server->side; // another one serves, and writes to the log
    if (standby) {
        config_number(writer, "standby", 1);
    } else {
        config_number(writer, "death-pc", server->death_pc);
    }
    config_number(writer, "death-word", standby ? 0 : server->death_word);
}

void config_write(struct config_writer *writer) {
    const struct manifest_server *manifest = init.server[writer->server].manifest;
    struct config *config = writer->config;
    config->magic = CONFIG_MAGIC;
    config->size = writer->body->config.size;
    config->incarnation = init.server[writer->server].incarnation;
    config->timebase = init.machine.timebase;
    snprintf(config->name, sizeof(config->name), "%s", manifest->name);
    config_portals(writer);
    config_own(writer);
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        config_vm(writer, i);
    }
    const struct memory *jobs = &init.server[writer->server].jobs;
    if (jobs->size) {
        config_window(writer, "jobs", *jobs, RIGHT_R | RIGHT_W);
    }
    if (writer->server == init.monitor) {
        config_monitor(writer);
    } else if (init.monitor != MANIFEST_NONE && jobs->size &&
               (init.manifest.server[init.monitor].calls >> writer->server & 1)) {
        config_window(writer, "buffer", init.buffer, RIGHT_R | RIGHT_W);
    }
    config_console(writer);
}
