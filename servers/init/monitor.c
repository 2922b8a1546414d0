// What the monitor may ask for, see ipc/monitor.h: to look at everything, and to kill, replace and
// trace. It decides nothing that a person at the console could not.
#include "ipc/monitor.h"

#include <stdio.h>
#include <string.h>

#include "ipc/init.h"
#include "servers/init/init.h"

// What is known of a vCPU's exits from before it was traced.
static struct {
    bool on;
    uint64_t count[EXIT_GUEST_CLASSES]; // at the moment when tracing began, or while it was off
} traced[MANIFEST_VMS][SYSCALL_VCPUS_MAX];

void monitor_prepare(void) {
    init.monitor = MANIFEST_NONE;
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        if (init.manifest.server[i].monitor) {
            init.monitor = (uint8_t)i;
        }
    }
    if (init.monitor == MANIFEST_NONE) {
        return;
    }
    init.look = memory_take(MONITOR_WINDOW_BYTES, 4096, "the monitor");
    init.buffer = memory_take(MONITOR_FILE_BYTES, 4096, "the monitor's files");
    init.monitor_output = memory_take(sizeof(struct ring), 4096, "the monitor's console");
    init.monitor_input = memory_take(sizeof(struct ring), 4096, "the monitor's console");
    memory_clear(init.look);
    memory_clear(init.monitor_output);
    memory_clear(init.monitor_input);
    ((struct ring *)memory_see(init.monitor_output.physical))->magic = RING_MAGIC;
    ((struct ring *)memory_see(init.monitor_input.physical))->magic = RING_MAGIC;
}

static uint64_t monitor_body_bytes(const struct body *body) {
    return body->image.size + body->config.size +
           (uint64_t)(body->task.pages + body->space.pages) * BUNDLE_PAGE;
}

static void monitor_server(unsigned index, struct monitor_server *to) {
    struct server *server = &init.server[index];
    server_measure(server);
    snprintf(to->name, sizeof(to->name), "%s", server->manifest->name);
    to->state = (uint32_t)core_task_read(server->body->slot).word[0];
    to->state_version = server->version;
    to->restarts = server->restarts;
    to->replacements = server->replacements;
    to->memory = monitor_body_bytes(server->body) + server->file.memory.size + server->state.size +
                 server->dma.size + server->log.size +
                 (uint64_t)(server->portal.pages + server->irq.pages) * BUNDLE_PAGE;
    to->pause_restart = server->pause_restart;
    to->pause_replace = server->pause_replace;
    to->early_deaths = server->early_deaths;
    to->serves = server->given_up ? MONITOR_GIVEN_UP
                 : server->taken  ? MONITOR_SERVING
                                  : MONITOR_STARTING;
}

// init's own memory: what the bundle gave it, its log, and what it keeps for a next version.
static void monitor_init(struct monitor_server *to) {
    snprintf(to->name, sizeof(to->name), "init");
    to->state = TASK_READY;
    to->memory = init.log.size + init.spare_file.size + monitor_body_bytes(init.spare);
    for (unsigned i = 0; i < init.bundle->segment_count && i < BUNDLE_SEGMENTS; i++) {
        to->memory += init.bundle->segment[i].size;
    }
}

static uint64_t monitor_servers(void) {
    struct monitor_server *to = memory_see(init.look.physical);
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        monitor_server(i, &to[i]);
    }
    monitor_init(&to[init.manifest.server_count]);
    return init.manifest.server_count + 1;
}

static uint64_t monitor_vms(void) {
    struct monitor_vm *to = memory_see(init.look.physical);
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        const struct vm *vm = &init.vm[i];
        snprintf(to[i].name, sizeof(to[i].name), "%s", vm->manifest->name);
        to[i].id = vm->manifest->id;
        to[i].state = vm->state;
        to[i].vcpus = vm->manifest->vcpus;
        for (unsigned s = 0; s < vm->span_count; s++) {
            to[i].memory += vm->span[s].size;
        }
        memset(to[i].server, MANIFEST_NONE, sizeof(to[i].server));
        memcpy(to[i].server, vm->manifest->exit, EXIT_GUEST_CLASSES);
    }
    return init.manifest.vm_count;
}

// The words that the core answers OP with.
static struct rt_words monitor_read(unsigned slot, enum vcpu_op op) {
    struct rt_words words = {.word = {op}};
    if (rt_system_call(SYSCALL_VCPU, slot, &words) != STATUS_OK) {
        memset(&words, 0, sizeof(words));
    }
    return words;
}

static void monitor_vcpu(unsigned vm, unsigned number, struct monitor_vcpu *to) {
    unsigned slot = SLOT_VM(vm) + VM_SLOT_VCPU + number;
    struct rt_words state = monitor_read(slot, VCPU_STATE);
    struct rt_words count = monitor_read(slot, VCPU_COUNTERS);
    struct rt_words spent = monitor_read(slot, VCPU_TIMES);
    bool on = traced[vm][number].on;
    to->vm = vm;
    to->number = number;
    to->state = (uint32_t)state.word[0];
    to->traced = on;
    to->pc = state.word[1];
    to->exits = state.word[2];
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        uint64_t before = traced[vm][number].count[c];
        to->count[c] = count.word[c];
        to->instructions[c] = spent.word[c];
        // While off, `count` holds how many there were in all the time that it was on.
        to->traced_count[c] = on ? count.word[c] - before : before;
    }
}

static uint64_t monitor_vcpus(void) {
    struct monitor_vcpu *to = memory_see(init.look.physical);
    unsigned done = 0;
    for (unsigned vm = 0; vm < init.manifest.vm_count; vm++) {
        for (unsigned i = 0; i < init.manifest.vm[vm].vcpus; i++) {
            if ((done + 1) * sizeof(*to) <= init.look.size) {
                monitor_vcpu(vm, i, &to[done++]);
            }
        }
    }
    return done;
}

// What the core subtracts and adds for each exit begins anew whenever it is switched on.
static void monitor_trace(bool on) {
    for (unsigned vm = 0; vm < init.manifest.vm_count; vm++) {
        for (unsigned i = 0; i < init.manifest.vm[vm].vcpus; i++) {
            unsigned slot = SLOT_VM(vm) + VM_SLOT_VCPU + i;
            struct rt_words count = monitor_read(slot, VCPU_COUNTERS);
            if (traced[vm][i].on == on) {
                continue;
            }
            // On: what is to be taken from later counts; off: how many were traced.
            for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
                traced[vm][i].count[c] = count.word[c] - traced[vm][i].count[c];
            }
            traced[vm][i].on = on;
            (void)!core_vcpu(slot, VCPU_TRACE, on, 0, 0);
        }
    }
}

static uint64_t monitor_config(unsigned server) {
    struct memory config = init.server[server].body->config;
    memcpy(memory_see(init.look.physical), memory_see(config.physical), config.size);
    return config.size;
}

// A ring keeps what was read until it is written over.
static uint64_t monitor_log(uint64_t number) {
    struct memory memory = number < init.manifest.server_count ? init.server[number].log : init.log;
    const struct ring *ring = memory_see(memory.physical);
    char *to = memory_see(init.look.physical);
    uint64_t head = ring_load(&ring->head);
    uint64_t bytes = head < RING_BYTES ? head : RING_BYTES;
    for (uint64_t i = 0; i < bytes; i++) {
        to[i] = ring->data[(head - bytes + i) % RING_BYTES];
    }
    return bytes;
}

static enum status monitor_look(const struct message *message, struct reply *reply) {
    uint64_t number = message->word[2];
    memory_clear(init.look);
    switch ((enum monitor_look)message->word[1]) {
    case MONITOR_SERVERS:
        reply->word[1] = monitor_servers();
        return STATUS_OK;
    case MONITOR_VMS:
        reply->word[1] = monitor_vms();
        return STATUS_OK;
    case MONITOR_VCPUS:
        reply->word[1] = monitor_vcpus();
        return STATUS_OK;
    case MONITOR_CONFIG:
        if (number >= init.manifest.server_count) {
            return STATUS_RANGE;
        }
        reply->word[1] = monitor_config((unsigned)number);
        return STATUS_OK;
    case MONITOR_LOG:
        if (number > init.manifest.server_count) {
            return STATUS_RANGE;
        }
        reply->word[1] = monitor_log(number);
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}

static enum status monitor_kill(struct server *server) {
    enum status status = core_task_stop(server->body->slot);
    // BUSY: it has died, which will be told here, or is given up.
    server->awaited = status == STATUS_OK;
    return status;
}

enum status monitor_handle(const struct message *message, struct reply *reply) {
    uint64_t number = message->word[1];
    switch ((enum init_op)message->word[0]) {
    case INIT_LOOK:
        return monitor_look(message, reply);
    case INIT_KILL:
        if (number >= init.manifest.server_count) {
            return STATUS_RANGE;
        }
        return monitor_kill(&init.server[number]);
    case INIT_REPLACE:
        if (number >= init.manifest.server_count) {
            return STATUS_RANGE;
        }
        return replace_begin(&init.server[number], message->word[2]);
    case INIT_OUTCOME:
        replace_outcome(reply->word);
        return STATUS_OK;
    case INIT_TRACE:
        monitor_trace(number == 1);
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}
