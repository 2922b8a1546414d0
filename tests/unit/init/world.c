#include "tests/unit/init/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ipc/fault.h"

#define RAM_BEGIN 0x80000000ull
#define RAM_SIZE (32ull << 20)
#define RAM_USED 0x200000ull // by the core, the bundle and objects
#define OBJECTS 2000
#define BUNDLE_FILES_AT 4096u

struct init init;
uint64_t rt_argument[8];

static _Alignas(4096) uint8_t bundle[BUNDLE_FILES_AT + 4096 * WORLD_SERVERS];

static void machine(void) {
    static bool mapped;
    void *at = (void *)(uintptr_t)(INIT_DIRECT + RAM_BEGIN);
    if (!mapped) {
        mapped =
            mmap(at, RAM_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) == at;
    }
    if (!mapped || madvise(at, RAM_SIZE, MADV_DONTNEED) != 0) {
        abort();
    }
    init.machine.ram[0] = (struct manifest_range){RAM_BEGIN, RAM_SIZE};
    init.machine.ram_count = 1;
    init.machine.timebase = 10000000;
    init.high = RAM_BEGIN + RAM_USED;
    init.object_count = OBJECTS;
}

struct file_plan world_plan(uint32_t version) {
    struct file_plan plan = file_plan();
    plan.entry = FILE_TEXT + ((uint64_t)version << 8);
    return plan;
}

#define CALLS(server) (1u << (server))
#define CALLS_INIT CALLS(MANIFEST_INIT)

static const struct {
    const char *name;
    uint32_t calls, state_size, dma_size;
} servers[WORLD_SERVERS] = {
    [WORLD_CONSOLE] = {"console", CALLS_INIT, 4096, 0},
    [WORLD_WORKER] = {"worker", CALLS_INIT | CALLS(WORLD_CONSOLE), 8192, 0},
    [WORLD_MONITOR] = {"monitor", CALLS_INIT | CALLS(WORLD_CONSOLE) | CALLS(WORLD_LOADER), 0,
                       0x8000},
    [WORLD_PAGER] = {"pager", 0, 4096, 0},
    [WORLD_LOADER] = {"loader", CALLS_INIT, 0, 4096},
    [WORLD_ONLY_B] = {"only-b", CALLS_INIT | CALLS(WORLD_WORKER), 0, 0},
};

static void make_servers(void) {
    struct bundle_header *header = (struct bundle_header *)(void *)bundle;
    memset(bundle, 0, sizeof(bundle));
    header->segment_count = 1;
    header->segment[0].size = 0x10000;
    header->file_count = WORLD_SERVERS;
    init.bundle = header;
    init.manifest.server_count = WORLD_SERVERS;
    init.manifest.console = WORLD_CONSOLE;
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        struct manifest_server *server = &init.manifest.server[i];
        struct bundle_file *file = &header->file[i];
        snprintf(server->name, sizeof(server->name), "%s", servers[i].name);
        snprintf(server->image, sizeof(server->image), "%s.elf", servers[i].name);
        snprintf(file->name, sizeof(file->name), "%s.elf", servers[i].name);
        server->deadline_ms = 100;
        server->calls = servers[i].calls;
        server->state_size = servers[i].state_size;
        server->dma_size = servers[i].dma_size;
        file->offset = BUNDLE_FILES_AT + 4096ull * i;
        file->size = FILE_BYTES;
        struct file_plan plan = world_plan(WORLD_VERSION);
        file_make(&plan, bundle + file->offset);
    }
    init.manifest.server[WORLD_MONITOR].monitor = true;
    init.manifest.server[WORLD_PAGER].guest_access = true;
}

static void make_vm(unsigned index, const char *name, uint32_t id, uint32_t vcpus) {
    struct manifest_vm *vm = &init.manifest.vm[index];
    init.manifest.vm_count = index + 1;
    snprintf(vm->name, sizeof(vm->name), "%s", name);
    vm->id = id;
    vm->vcpus = vcpus;
    memset(vm->exit, MANIFEST_NONE, sizeof(vm->exit));
    vm->exit[EXIT_HYPERCALL] = vm->exit[EXIT_TIMER] = WORLD_WORKER;
    vm->exit[EXIT_STAGE2] = WORLD_PAGER;
    vm->console = WORLD_CONSOLE;
    vm->loader = WORLD_LOADER;
    vm->image.source = MANIFEST_SOURCE_PATH;
    snprintf(vm->image.path, sizeof(vm->image.path), "/%s", name);
    vm->memory_count = 1;
    vm->memory[0].guest = (struct manifest_range){0x80000000, 4ull << 20};
    vm->memory[0].populate = MANIFEST_POPULATE_DEMAND;
    vm->memory[0].page = 4096;
    vm->load_address = 0x80200000;
}

// As servers/init/main.c has it.
static void start(void *argument) {
    (void)argument;
    core_create(OBJECT_PORTAL, objects_take(1, 1, ""), SLOT_INIT_PORTAL, 0, 0, "");
    init.log = memory_take(sizeof(struct ring), 4096, "");
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        server_find(i);
    }
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        server_prepare(i);
    }
    monitor_prepare();
    vm_place_all();
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        vm_prepare(i);
    }
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        load_list(i);
    }
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        server_start(i);
    }
}

void world_start(void) {
    memset(&init, 0, sizeof(init));
    world_inside_reset();
    core_reset();
    core_lines = 0;
    memset(core_line, 0, sizeof(core_line));
    machine();
    make_servers();
    make_vm(0, "a", WORLD_VM_A, 1);
    make_vm(1, "b", WORLD_VM_B, 2);
    init.manifest.vm[1].exit[EXIT_IDLE] = WORLD_ONLY_B;
    memory_start(init.high);
    if (!core_run(start, NULL)) {
        fprintf(stderr, "init could not start: %s\n",
                core_lines ? core_line[(core_lines - 1) % CORE_LINES] : "");
        abort();
    }
}

struct core_task *world_task(unsigned server) {
    return core_task_at(init.server[server].body->slot);
}

struct core_task *world_spare_task(void) { return core_task_at(init.spare->slot); }

struct core_portal *world_portal(unsigned server) {
    return core_portal_at(SLOT_SERVER(server) + SERVER_SLOT_PORTAL);
}

uint64_t world_call(struct core_task *task, uint64_t op, uint64_t word1, uint64_t word2) {
    const uint64_t word[MESSAGE_WORDS] = {op, word1, word2};
    core_task_calls(task, word);
    core_turns();
    return task->reply[0];
}

void world_ready(struct core_task *task, uint32_t version) {
    if (task->calls_init) {
        (void)world_call(task, INIT_READY, version, 0);
    }
    if (task->exists) { // it was not taken back
        core_task_waits(task);
    }
}

void world_taken(struct core_task *task) {
    if (task->calls_init) {
        (void)world_call(task, INIT_TAKEN, 0, 0);
    }
    if (!task->serves || task->serving.c == EXIT_SIGNAL) {
        core_task_waits(task);
    }
}

void world_begin(unsigned server) {
    struct core_task *task = world_task(server);
    world_ready(task, WORLD_VERSION);
    world_taken(task);
}

void world_settle(void) {
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        world_begin(i);
    }
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        init.vm[i].state = VM_RUNNING;
        for (unsigned n = 0; n < init.manifest.vm[i].vcpus; n++) {
            core_vcpu_at(SLOT_VM(i) + VM_SLOT_VCPU + n)->state = VCPU_RUNNABLE;
        }
    }
}

int world_setup(void **state) {
    (void)state;
    world_start();
    world_settle();
    return 0;
}

void world_exit(unsigned server, enum exit_class c, uint64_t vm, uint64_t seq) {
    const struct core_record record = {.c = (uint8_t)c, .task = CORE_NONE, .seq = seq, .badge = vm};
    core_send(SLOT_SERVER(server) + SERVER_SLOT_PORTAL, &record);
}

void world_fault(unsigned server) {
    core_task_dies(world_task(server), FAULT_MEMORY, FILE_TEXT + 0x48, 0x99000);
    core_turns();
}

const struct config_entry *world_config(const struct body *body, const char *name) {
    const struct config *config = memory_see(body->config.physical);
    for (uint32_t i = 0; i < config->count; i++) {
        if (strcmp(config->entry[i].name, name) == 0) {
            return &config->entry[i];
        }
    }
    return NULL;
}
