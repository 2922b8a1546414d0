// What init makes, and what it gives to tasks.
#include <string.h>

#include "tests/unit/init/core.h"

struct core_cap core_caps[CORE_TASKS][CORE_CAPS];
struct core_map core_maps[CORE_SPACES][CORE_MAPS];

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

enum status core_create_object(uint64_t type, const struct rt_words *words) {
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

enum status core_destroy_object(uint64_t number) {
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

enum status core_give(struct core_task *task, const struct rt_words *words) {
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
