#include "tests/unit/init/core.h"

#include <string.h>

#include "ipc/fault.h"
#include "tests/unit/init/file.h"

struct core core;

void core_reset(void) {
    memset(&core, 0, sizeof(core));
    for (unsigned i = 0; i < CORE_TASKS; i++) {
        core.task[i].portal = core.task[i].leaving = CORE_NONE;
    }
    core_started = NULL;
    core_interrupts = NULL;
}

static void *at(unsigned slot, enum object_type type, void *array, size_t size) {
    const struct core_slot *found = slot < CORE_SLOTS ? &core.slot[slot] : NULL;
    return found && found->type == type ? (char *)array + found->number * size : NULL;
}

struct core_task *core_task_at(unsigned slot) {
    return at(slot, OBJECT_TASK, core.task, sizeof(core.task[0]));
}

struct core_portal *core_portal_at(unsigned slot) {
    return at(slot, OBJECT_PORTAL, core.portal, sizeof(core.portal[0]));
}

struct core_vcpu *core_vcpu_at(unsigned slot) {
    return at(slot, OBJECT_VCPU, core.vcpu, sizeof(core.vcpu[0]));
}

// --- records

static void serve(struct core_task *task, const struct core_record *record) {
    task->serving = *record;
    task->serves = true;
    task->state = TASK_READY;
}

static void put(struct core_portal *portal, const struct core_record *record, bool first) {
    if (portal->count == CORE_QUEUE) {
        __builtin_trap(); // the test's mistake
    }
    if (first) {
        memmove(portal->queue + 1, portal->queue, portal->count * sizeof(*record));
    }
    portal->queue[first ? 0 : portal->count] = *record;
    portal->count++;
}

static struct core_record take(struct core_portal *portal, unsigned index) {
    struct core_record record = portal->queue[index];
    portal->count--;
    memmove(portal->queue + index, portal->queue + index + 1,
            (portal->count - index) * sizeof(record));
    return record;
}

void core_deliver(struct core_portal *portal) {
    if (portal->receiver == CORE_NONE || portal->held != CORE_NONE || portal->count == 0) {
        return;
    }
    struct core_task *task = &core.task[portal->receiver];
    if (task->state == TASK_WAITING) {
        struct core_record record = take(portal, 0);
        serve(task, &record);
    }
}

static void send(struct core_portal *portal, const struct core_record *record) {
    put(portal, record, false);
    if (portal != &core.portal[0]) { // init takes its own at its turn
        core_deliver(portal);
    }
}

void core_send(unsigned slot, const struct core_record *record) {
    send(core_portal_at(slot), record);
}

static void send_signal(struct core_portal *portal) {
    const struct core_record record = {.c = EXIT_SIGNAL, .task = CORE_NONE};
    portal->signal_out = true;
    portal->signals = 0;
    send(portal, &record);
}

enum status rt_signal(unsigned slot) {
    struct core_portal *portal = core_portal_at(slot);
    if (!portal) {
        return STATUS_NO_CAP;
    }
    portal->signals++;
    portal->signals_ever++;
    if (!portal->signal_out) {
        send_signal(portal);
    }
    return STATUS_OK;
}

// TASK, which served something, is through with it.
static void admit(struct core_task *task) {
    struct core_portal *portal = &core.portal[task->leaving];
    task->leaving = CORE_NONE;
    portal->held = CORE_NONE;
    core_deliver(portal);
}

// Where the record comes from that TASK serves.
static struct core_portal *origin(struct core_task *task) {
    unsigned number = task->leaving != CORE_NONE ? task->leaving : task->portal;
    return number == CORE_NONE ? NULL : &core.portal[number];
}

void core_task_waits(struct core_task *task) {
    struct core_portal *portal = origin(task);
    bool signal = task->serves && task->serving.c == EXIT_SIGNAL;
    task->serves = false;
    task->state = TASK_WAITING;
    task->receive_pc = FILE_TEXT + 0x60;
    if (task->leaving != CORE_NONE) {
        admit(task);
    }
    if (signal) {
        portal->signal_out = false;
        if (portal->signals) {
            send_signal(portal);
        }
    }
    if (task->portal != CORE_NONE) {
        core_deliver(&core.portal[task->portal]);
    }
}

void core_task_calls(struct core_task *task, const uint64_t word[MESSAGE_WORDS]) {
    struct core_record record = {
        .c = EXIT_CALL, .task = CORE_NUMBER(core.task, task), .badge = task->init_badge};
    memcpy(record.word, word, sizeof(record.word));
    task->state = TASK_CALLING;
    send(&core.portal[0], &record);
}

// Nobody waits any more for what TASK sent to init: its call, or the word of its death.
static void cancel(uint8_t task, uint8_t c) {
    struct core_portal *portal = &core.portal[0];
    for (unsigned i = 0; i < portal->count; i++) {
        if (portal->queue[i].task == task && portal->queue[i].c == c) {
            (void)take(portal, i--);
        }
    }
}

static void unbind(struct core_task *task) {
    struct core_portal *portal = origin(task);
    if (!portal) {
        return;
    }
    if (portal->held == CORE_NUMBER(core.task, task)) {
        portal->held = CORE_NONE;
    }
    if (portal->receiver != CORE_NONE) {
        core.task[portal->receiver].portal = CORE_NONE;
    }
    portal->receiver = CORE_NONE;
    task->leaving = CORE_NONE;
    portal->pause = core.pause;
    if (task->serves) {
        task->serves = false;
        put(portal, &task->serving, true);
    }
}

static void halt(struct core_task *task) {
    unbind(task);
    task->serves = false;
    task->state = TASK_DEAD;
    cancel(CORE_NUMBER(core.task, task), EXIT_CALL);
}

void core_task_dies(struct core_task *task, uint64_t cause, uint64_t pc, uint64_t address) {
    const struct core_record *serving = task->serves ? &task->serving : NULL;
    struct core_record fault = {
        .c = EXIT_FAULT, .task = CORE_NUMBER(core.task, task), .badge = task->fault_badge};
    task->serving.attempt += task->serves;
    fault.word[FAULT_WORD_CAUSE] = cause;
    fault.word[FAULT_WORD_PC] = task->state == TASK_WAITING ? task->receive_pc : pc;
    fault.word[FAULT_WORD_ADDRESS] = address;
    fault.word[FAULT_WORD_INFO] = serving ? MESSAGE_INFO(serving->c, 0, 1) : UINT64_MAX;
    fault.word[FAULT_WORD_SEQ] = serving ? serving->seq : 0;
    fault.word[FAULT_WORD_BADGE] = serving ? serving->badge : 0;
    fault.word[FAULT_WORD_ATTEMPT] = serving ? serving->attempt : 0;
    task->pc = pc;
    halt(task);
    if (task->fault_bound) {
        send(&core.portal[0], &fault);
    }
}

void core_task_ends(struct core_task *task) {
    if (task->state != TASK_DEAD) {
        halt(task);
    }
    cancel(CORE_NUMBER(core.task, task), EXIT_FAULT);
    task->exists = false;
}
