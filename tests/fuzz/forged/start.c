// init's side of the system: everything is made by init's own code, but that there is nothing in
// the servers.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/panic.h"
#include "kernel/object/pool.h"
#include "servers/init/init.h"
#include "tests/fuzz/forged/system.h"

#define MEMORY_BEGIN (1ull << 30) // what init hands out begins here; the machine has no such memory
#define BODY_WINDOWS 0x40000000ull
#define SPACE_PAGES 24

extern const uint8_t forged_manifest[], forged_manifest_end[];

struct init init;
static struct init kept;
uint64_t rt_argument[8];

static void require(bool condition, const char *message) {
    if (!condition) {
        arch_panic(message, 0);
    }
}

// --- what init's code needs around it

static uint64_t memory_next;

// Nobody reads what init writes there: rings' headers, lists of jobs.
static _Alignas(8) char somewhere[sizeof(struct fs_jobs) + sizeof(struct ring)];

void *memory_see(uint64_t physical) {
    (void)physical;
    return somewhere;
}

void memory_clear(struct memory memory) {
    (void)memory;
    memset(somewhere, 0, sizeof(somewhere));
}

struct memory memory_take(uint64_t size, uint64_t align, const char *what) {
    (void)what;
    uint64_t begin = (memory_next + align - 1) / align * align;
    memory_next = begin + ((size + 0xfff) & ~0xfffull);
    return (struct memory){begin, memory_next - begin};
}

struct memory memory_try(uint64_t size, uint64_t align) { return memory_take(size, align, ""); }
struct memory_mark memory_mark(void) { return (struct memory_mark){0}; }
void memory_undo(const struct memory_mark *mark) { (void)mark; }

struct objects objects_take(uint32_t pages, uint32_t align, const char *what) {
    uint32_t first = (init.object_next + align - 1) / align * align;
    require(first + pages <= pool.count, what);
    init.object_next = first + pages;
    return (struct objects){first, pages};
}

void rt_log(const char *format, ...) { (void)format; }

void init_refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

_Noreturn void init_end(unsigned status) {
    arch_panic("init gave up", status);
    __builtin_unreachable();
}

void init_finish(bool failed) { require(!failed, "a VM has ended"); }

bool tree_make(const struct vm *vm, void *to, size_t size) {
    (void)vm, (void)to, (void)size;
    return true;
}

// --- bodies: as servers/init/body.c, with nothing in them

void body_prepare(struct body *body, unsigned slot, uint64_t image, const char *name) {
    body->slot = slot;
    body->image = memory_take(image, 4096, name);
    body->config = memory_take(8192, 4096, name);
    body->space = objects_take(SPACE_PAGES, 4, name);
    body->task = objects_take(2, 1, name);
}

const char *body_check(const struct file *file, uint64_t *writable) {
    (void)file;
    *writable = 0;
    return NULL;
}

uint64_t body_make(struct server *server, struct body *body, const struct file *file, bool side) {
    const char *name = server->manifest->name;
    static _Alignas(8) char config[8192];
    (void)file;
    memset(config, 0, sizeof(config));
    core_create(OBJECT_SPACE, body->space, body->slot + 1, 0, 0, name);
    core_create(OBJECT_TASK, body->task, body->slot, body->slot + 1, 0, name);
    core_map(body->slot + 1, 0x10000, body->image.physical, body->image.size, RIGHT_R | RIGHT_W,
             name);
    core_map(body->slot + 1, 0x30000000, body->config.physical, body->config.size, RIGHT_R, name);
    struct config_writer writer = {
        .server = (unsigned)(server - init.server),
        .body = body,
        .side = side,
        .slot = 1,
        .address = BODY_WINDOWS,
        .config = (struct config *)(void *)config,
        .text = config + sizeof(config),
    };
    config_write(&writer);
    uint64_t fault[] = {body->slot, SLOT_INIT_PORTAL, server_badge(server, side)};
    core_bind(BIND_FAULT, fault, 3, name);
    if (server->manifest->guest_access) {
        core_task(body->slot, TASK_GUEST, 1, 0, 0, name);
    }
    return 0x10000;
}

void body_start(const struct body *body, uint64_t entry) {
    core_task(body->slot, TASK_START, entry, 0, 0x30000000, "a server's task");
}

void body_end(const struct body *body) {
    core_destroy(body->slot, "a server's task");
    core_destroy(body->slot + 1, "a server's address space");
}

// --- the start, as servers/init/main.c has it

static void start_monitor(void) {
    init.monitor = MANIFEST_NONE;
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        init.monitor = init.manifest.server[i].monitor ? (uint8_t)i : init.monitor;
    }
    if (init.monitor != MANIFEST_NONE) {
        init.look = memory_take(4096, 4096, "");
        init.buffer = memory_take(4096, 4096, "");
        init.monitor_output = memory_take(4096, 4096, "");
        init.monitor_input = memory_take(4096, 4096, "");
    }
}

void start_all(uint32_t objects, uint64_t high) {
    static struct manifest_error error;
    static struct bundle_header bundle;
    memset(&init, 0, sizeof(init));
    init.object_next = objects;
    init.object_count = pool.count;
    init.high = high;
    memory_next = MEMORY_BEGIN;
    size_t size = (size_t)(forged_manifest_end - forged_manifest);
    require(manifest_parse(forged_manifest, size, "riscv64", &init.manifest, &error) == STATUS_OK,
            error.text);
    memset(&bundle, 0, sizeof(bundle));
    init.bundle = &bundle;
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        snprintf(bundle.file[i].name, sizeof(bundle.file[i].name), "%s",
                 init.manifest.server[i].image);
        bundle.file_count++;
        server_find(i);
        server_prepare(i);
    }
    init.log = memory_take(4096, 4096, "");
    start_monitor();
    vm_place_all();
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        vm_prepare(i);
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        load_list(i);
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        server_start(i);
    }
}

void start_again(unsigned server) { server_restart(server); }

unsigned start_servers(void) { return init.manifest.server_count; }

unsigned start_vms(void) { return init.manifest.vm_count; }

unsigned start_vcpus(unsigned vm) { return init.manifest.vm[vm].vcpus; }

unsigned start_task_slot(unsigned server) { return init.server[server].body->slot; }

unsigned start_portal_slot(unsigned server) { return SLOT_SERVER(server) + SERVER_SLOT_PORTAL; }

unsigned start_vcpu_slot(unsigned vm, unsigned number) {
    return SLOT_VM(vm) + VM_SLOT_VCPU + number;
}

void start_keep(void) { kept = init; }

void start_bring_back(void) { init = kept; }
