// The system calls that init makes.
#include <string.h>

#include "ipc/fault.h"
#include "tests/unit/init/core.h"

struct core_cap core_caps[CORE_TASKS][CORE_CAPS];
struct core_map core_maps[CORE_SPACES][CORE_MAPS];
void (*core_started)(struct core_task *task);
void (*core_interrupts)(void);

static enum status create_check(const struct rt_words *words) {
    uint64_t slot = words->word[3];
    if (words->word[0] != INIT_SLOT_POOL || slot >= CORE_SLOTS || !slot || !words->word[2]) {
        return STATUS_INVALID;
    }
    for (unsigned i = 0; i < CORE_SLOTS; i++) {
        const struct core_slot *other = &core.slot[i];
        if (other->type && words->word[1] < other->first + other->pages &&
            other->first < words->word[1] + words->word[2]) {
            return STATUS_EXISTS; // the pages are another's
        }
    }
    return core.slot[slot].type ? STATUS_EXISTS : STATUS_OK;
}

static unsigned create_task(uint64_t space) {
    unsigned n = 0;
    while (core.task[n].exists) {
        n++;
    }
    core.task[n] = (struct core_task){.exists = true,
                                      .space = core.slot[space].number,
                                      .portal = CORE_NONE,
                                      .leaving = CORE_NONE};
    memset(core_caps[n], 0, sizeof(core_caps[n]));
    return n;
}

static unsigned create_portal(uint64_t ticks) {
    unsigned n = 0;
    while (core.portal[n].exists) {
        n++;
    }
    core.portal[n] = (struct core_portal){
        .exists = true, .ticks = ticks, .receiver = CORE_NONE, .held = CORE_NONE};
    return n;
}

static unsigned create_space(void) {
    unsigned n = 0;
    while (core.space[n]) {
        n++;
    }
    core.space[n] = true;
    memset(core_maps[n], 0, sizeof(core_maps[n]));
    return n;
}

static unsigned create_vcpu(void) {
    unsigned n = 0;
    while (core.vcpu[n].exists) {
        n++;
    }
    core.vcpu[n] = (struct core_vcpu){.exists = true};
    memset(core.vcpu[n].route, CORE_NONE, sizeof(core.vcpu[n].route));
    return n;
}

static enum status create(uint64_t type, const struct rt_words *words) {
    enum status status = create_check(words);
    struct core_slot *slot = &core.slot[words->word[3] % CORE_SLOTS];
    uint64_t argument = words->word[4];
    unsigned number = 0;
    if (status != STATUS_OK) {
        return status;
    }
    switch ((enum object_type)type) {
    case OBJECT_TASK:
        if (argument >= CORE_SLOTS || core.slot[argument].type != OBJECT_SPACE) {
            return STATUS_WRONG_TYPE;
        }
        number = create_task(argument);
        core.task[number].slot = (uint16_t)words->word[3];
        break;
    case OBJECT_SPACE:
        number = create_space();
        break;
    case OBJECT_PORTAL:
        number = create_portal(argument);
        break;
    case OBJECT_VCPU:
        number = create_vcpu();
        break;
    case OBJECT_IRQ:
        break;
    default:
        return STATUS_WRONG_TYPE;
    }
    *slot = (struct core_slot){(uint8_t)type, (uint8_t)number, (uint16_t)words->word[1],
                               (uint16_t)words->word[2]};
    return STATUS_OK;
}

static enum status destroy(uint64_t number) {
    struct core_slot *slot = number < CORE_SLOTS ? &core.slot[number] : NULL;
    if (!slot || (slot->type != OBJECT_TASK && slot->type != OBJECT_SPACE)) {
        return STATUS_NO_CAP;
    }
    if (slot->type == OBJECT_TASK) {
        core_task_ends(&core.task[slot->number]);
    } else {
        for (unsigned i = 0; i < CORE_TASKS; i++) {
            if (core.task[i].exists && core.task[i].space == slot->number) {
                return STATUS_BUSY;
            }
        }
        core.space[slot->number] = false;
    }
    *slot = (struct core_slot){0};
    return STATUS_OK;
}

static enum status grant(struct core_task *task, const struct rt_words *words) {
    uint64_t to = words->word[0];
    uint64_t from = words->word[1];
    if (!task || to == 0 || to >= CORE_CAPS) {
        return STATUS_NO_CAP;
    }
    struct core_cap *cap = &core_caps[CORE_NUMBER(core.task, task)][to];
    bool frame = from == INIT_SLOT_LOW || from == INIT_SLOT_HIGH;
    if (cap->type || from >= CORE_SLOTS || (!frame && !core.slot[from].type)) {
        return cap->type ? STATUS_EXISTS : STATUS_NO_CAP;
    }
    *cap = (struct core_cap){
        .type = frame ? OBJECT_FRAME : core.slot[from].type,
        .from = (uint16_t)from,
        .rights = words->word[2],
        .badge = frame ? 0 : words->word[3],
        .base = frame ? words->word[3] : 0,
        .size = frame ? words->word[4] : 0,
    };
    if (cap->type == OBJECT_PORTAL && core.slot[from].number == 0) {
        task->calls_init = true;
        task->init_badge = cap->badge;
    }
    return STATUS_OK;
}

enum status rt_map(unsigned space, uint64_t address, unsigned frame, uint64_t offset, uint64_t size,
                   uint64_t rights) {
    enum status status = STATUS_OK;
    const struct core_slot *slot = space < CORE_SLOTS ? &core.slot[space] : &core.slot[0];
    if (slot->type != OBJECT_SPACE ||
        (frame != INIT_SLOT_LOW && frame != INIT_SLOT_HIGH && frame != INIT_SLOT_BUNDLE)) {
        status = STATUS_NO_CAP;
    } else if (((address | offset | size) & 0xfff) || !size || !(rights & RIGHT_R) ||
               (rights & RIGHT_W && (rights & RIGHT_X) &&
                core.slot[space + 1].type != OBJECT_VCPU)) {
        status = STATUS_INVALID;
    }
    struct core_map *map = core_maps[slot->number];
    for (; status == STATUS_OK && map->size; map++) {
        if (address < map->address + map->size && map->address < address + size) {
            status = STATUS_EXISTS;
        }
    }
    if (status == STATUS_OK) {
        *map = (struct core_map){address, frame, offset, size, rights};
    }
    return status;
}

// --- who receives what

static enum status bind_portal(struct rt_words *words) {
    struct core_portal *portal = core_portal_at((unsigned)words->word[0]);
    struct core_task *task = core_task_at((unsigned)words->word[1]);
    if (!portal || !task) {
        return STATUS_NO_CAP;
    }
    uint8_t number = CORE_NUMBER(core.portal, portal);
    if (task->portal != CORE_NONE || task->state == TASK_DEAD ||
        (task->leaving != CORE_NONE && task->leaving != number)) {
        return STATUS_BUSY;
    }
    words->word[0] = portal->pause;
    portal->pause = 0;
    if (portal->receiver != CORE_NONE) {
        struct core_task *old = &core.task[portal->receiver];
        old->portal = CORE_NONE;
        if ((old->state == TASK_READY || old->state == TASK_CALLING) && portal->held == CORE_NONE) {
            portal->held = portal->receiver;
            old->leaving = number;
        }
    }
    portal->receiver = CORE_NUMBER(core.task, task);
    task->portal = number;
    if (task->leaving != CORE_NONE) {
        task->leaving = CORE_NONE;
        portal->held = CORE_NONE;
    }
    core_deliver(portal);
    return STATUS_OK;
}

static enum status bind(uint64_t what, struct rt_words *words) {
    struct core_task *task = core_task_at((unsigned)words->word[0]);
    struct core_vcpu *vcpu = core_vcpu_at((unsigned)words->word[0]);
    switch ((enum bind)what) {
    case BIND_PORTAL:
        return bind_portal(words);
    case BIND_FAULT:
        if (!task || !core_portal_at((unsigned)words->word[1])) {
            return STATUS_NO_CAP;
        }
        task->fault_bound = true;
        task->fault_badge = words->word[2];
        return STATUS_OK;
    case BIND_ROUTE:
        if (!vcpu || !core_portal_at((unsigned)words->word[2])) {
            return STATUS_NO_CAP;
        }
        vcpu->route[words->word[1]] = core.slot[words->word[2]].number;
        vcpu->route_badge = (uint8_t)words->word[3];
        return STATUS_OK;
    default:
        return STATUS_OK; // interrupts are not init's matter any more
    }
}

// --- what is asked of tasks and vCPUs

static enum status task_call(struct core_task *task, struct rt_words *words) {
    uint64_t op = words->word[0];
    if (!task) {
        return STATUS_NO_CAP;
    }
    switch ((enum task_op)op) {
    case TASK_START:
        if (task->state != TASK_NEW) {
            return STATUS_BUSY;
        }
        task->state = TASK_READY;
        task->entry = words->word[1];
        task->argument = words->word[4];
        if (core_started) {
            core_started(task);
        }
        return STATUS_OK;
    case TASK_STOP:
        if (task->state == TASK_DEAD) {
            return STATUS_BUSY;
        }
        core_task_dies(task, FAULT_STOPPED, task->pc, 0);
        return STATUS_OK;
    case TASK_READ:
        *words = (struct rt_words){
            .word = {task->state, task->pc, task->serves ? task->serving.seq : 0, task->receive_pc,
                     task->portal == CORE_NONE ? 0 : core.portal[task->portal].pause, task->a0}};
        return STATUS_OK;
    case TASK_GUEST:
        task->guest = words->word[1] == 1;
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}

// Its exit, if one is pending, is nobody's any more.
static void vcpu_stops(struct core_vcpu *vcpu) {
    vcpu->state = VCPU_OFF;
    for (unsigned i = 1; i < CORE_PORTALS; i++) {
        struct core_portal *portal = &core.portal[i];
        unsigned kept = 0;
        for (unsigned n = 0; n < portal->count; n++) {
            const struct core_record *record = &portal->queue[n];
            if (record->c >= EXIT_GUEST_CLASSES || record->badge != vcpu->route_badge) {
                portal->queue[kept++] = *record;
            }
        }
        portal->count = (uint8_t)kept;
    }
}

static enum status vcpu_call(struct core_vcpu *vcpu, struct rt_words *words) {
    if (!vcpu) {
        return STATUS_NO_CAP;
    }
    switch ((enum vcpu_op)words->word[0]) {
    case VCPU_START:
        vcpu->state = VCPU_RUNNABLE;
        return STATUS_OK;
    case VCPU_STOP:
        vcpu_stops(vcpu);
        return STATUS_OK;
    case VCPU_TRACE:
        vcpu->traced = words->word[1] == 1;
        return STATUS_OK;
    case VCPU_COUNTERS:
        memcpy(words->word, vcpu->count, sizeof(vcpu->count));
        return STATUS_OK;
    case VCPU_TIMES:
        memcpy(words->word, vcpu->spent, sizeof(vcpu->spent));
        return STATUS_OK;
    case VCPU_STATE:
        words->word[0] = vcpu->state;
        words->word[1] = 0x80200000;
        words->word[2] = 77;
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

enum status rt_system_call(enum syscall number, uint64_t selector, struct rt_words *words) {
    enum status status;
    unsigned slot = (unsigned)selector;
    bool matters = number == SYSCALL_DESTROY || number == SYSCALL_BIND || number == SYSCALL_TASK;
    if (matters && core_interrupts) {
        core_interrupts();
    }
    switch (number) {
    case SYSCALL_CREATE:
        status = create(selector, words);
        break;
    case SYSCALL_DESTROY:
        status = destroy(selector);
        break;
    case SYSCALL_GRANT:
        status = grant(core_task_at(slot), words);
        break;
    case SYSCALL_BIND:
        status = bind(selector, words);
        break;
    case SYSCALL_TASK:
        status = task_call(core_task_at(slot), words);
        break;
    case SYSCALL_VCPU:
        status = vcpu_call(core_vcpu_at(slot), words);
        break;
    case SYSCALL_EXIT:
        core_end(words->word[0]);
    default:
        status = STATUS_INVALID;
        break;
    }
    return status;
}
