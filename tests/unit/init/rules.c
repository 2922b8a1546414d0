// What must hold in each state of the explorer.
#include <string.h>

#include "tests/unit/init/explore.h"

static struct server *worker(void) { return &init.server[WORLD_WORKER]; }

static struct core_task *old_one(void) { return world_task(WORLD_WORKER); }

static struct core_task *new_one(void) { return world_spare_task(); }

static bool taken(const struct core_task *task) {
    return explore_ghost.taken[CORE_NUMBER(core.task, task)];
}

static uint32_t file_version(const struct file *file) {
    uint64_t entry;
    memcpy(&entry, file->content + 24, sizeof(entry));
    return world_version(entry);
}

static const char *wrong_portal(void) {
    const struct core_portal *portal = world_portal(WORLD_WORKER);
    if (portal->receiver == CORE_NONE) {
        return worker()->given_up || explore_dead(0) || explore_dead(1)
                   ? NULL
                   : "nobody is bound, and no death is on its way";
    }
    const struct core_task *receiver = &core.task[portal->receiver];
    if (receiver != old_one() && (receiver != new_one() || !explore_on())) {
        return "somebody else is bound";
    }
    return NULL;
}

static unsigned slots_used(void) {
    unsigned used = 0;
    for (unsigned i = 0; i < CORE_SLOTS; i++) {
        used += core.slot[i].type != OBJECT_NONE;
    }
    return used;
}

static const char *wrong_objects(void) {
    static unsigned at_first; // the explorer's first state is one without a replacement
    at_first = at_first ? at_first : slots_used();
    if (!old_one() || core.slot[worker()->body->slot + 1].type != OBJECT_SPACE) {
        return "the server has no body";
    }
    if ((new_one() != NULL) != explore_on()) {
        return "the spare body is not free, or is gone";
    }
    return slots_used() == at_first + (explore_on() ? 2 : 0) ? NULL : "an object is left over";
}

static const char *wrong_files(void) {
    static uint64_t room_at_first;
    room_at_first = room_at_first ? room_at_first : memory_room();
    const struct memory *file = &worker()->file.memory;
    if (file->size && file->physical == init.spare_file.physical) {
        return "the spare buffer is the server's file";
    }
    if (memory_room() + 2 * init.buffer.size < room_at_first) {
        return "there are more than two buffers";
    }
    if (file_version(&worker()->file) != world_version(old_one()->entry)) {
        return "the server's file is not what it was started from";
    }
    return NULL;
}

static const char *wrong_sides(void) {
    const struct server *server = worker();
    if (old_one()->fault_badge != server_badge(server, server->side) ||
        old_one()->init_badge != server_badge(server, server->side)) {
        return "the server's badges are not those of its side";
    }
    if (new_one() && (new_one()->fault_badge != server_badge(server, !server->side) ||
                      new_one()->init_badge != server_badge(server, !server->side))) {
        return "the new one's badges are the server's";
    }
    if (server->taken && server->version != world_version(old_one()->entry)) {
        return "the server's version is another's";
    }
    return server->taken && !taken(old_one()) ? "it has not said TAKEN" : NULL;
}

static const char *wrong_deaths(void) {
    const struct server *server = worker();
    bool told = explore_dead(server->side);
    if (server->given_up) {
        return NULL; // all that is left of it is what was
    }
    if (old_one()->state == TASK_DEAD && !told) {
        return "it died and was not started again";
    }
    if (server->awaited && server->taken && !told) {
        return "the monitor waits for one that serves";
    }
    if (server->death_pc && server->taken) {
        return "it has taken over, and the pc of a death is kept";
    }
    if (!explore_on() && explore_version() > world_version(old_one()->entry)) {
        return "the state is newer than the server";
    }
    return NULL;
}

const char *explore_wrong(void) {
    const char *wrong = core.ended ? "init ended the machine" : NULL;
    wrong = wrong ? wrong : wrong_objects();
    wrong = wrong ? wrong : wrong_portal();
    wrong = wrong ? wrong : wrong_files();
    wrong = wrong ? wrong : wrong_sides();
    return wrong ? wrong : wrong_deaths();
}

const char *explore_wrong_at_rest(void) {
    const char *wrong = explore_wrong();
    const struct core_portal *portal = world_portal(WORLD_WORKER);
    if (wrong || worker()->given_up) {
        return wrong;
    }
    if (explore_on()) {
        return "a replacement is never decided";
    }
    if (portal->count || old_one()->state != TASK_WAITING || old_one()->serves ||
        portal->receiver != CORE_NUMBER(core.task, old_one())) {
        return "it does not serve what is there";
    }
    return worker()->taken && !worker()->awaited ? NULL : "it has not taken over";
}

// --- states that are alike

static uint64_t mix(uint64_t key, uint64_t value) {
    key = (key ^ value) * 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

static unsigned role(unsigned task) {
    return task == CORE_NONE               ? 0
           : &core.task[task] == old_one() ? 1
           : &core.task[task] == new_one() ? 2
                                           : 3;
}

static uint64_t key_task(uint64_t key, const struct core_task *task) {
    if (!task) {
        return mix(key, 1);
    }
    key = mix(key, task->state | task->serves << 4 | task->portal << 8 | task->leaving << 16);
    key = mix(key, task->serves ? task->serving.c | task->serving.attempt << 8 : 0);
    key = mix(key, task->entry << 8 | explore_ghost.phase[CORE_NUMBER(core.task, task)]);
    return mix(key, task->fault_badge << 1 | taken(task));
}

static uint64_t key_portal(uint64_t key, const struct core_portal *portal) {
    key = mix(key, role(portal->receiver) | role(portal->held) << 4 | portal->signal_out << 8 |
                       (portal->signals > 0) << 9 | portal->count << 16);
    for (unsigned i = 0; i < portal->count; i++) {
        const struct core_record *record = &portal->queue[i];
        key = mix(key,
                  record->c | role(record->task) << 4 | record->attempt << 8 | record->badge << 16);
        key = mix(key, record->word[0] << 32 | (record->word[1] & 0xffffffff));
        key = mix(key, record->word[4] << 8 | record->word[6]);
    }
    return key;
}

uint64_t explore_key(void) {
    const struct server *server = worker();
    uint64_t key = key_portal(key_portal(0, world_portal(WORLD_WORKER)), &core.portal[0]);
    key = key_task(key_task(key, old_one()), new_one());
    key = mix(key, server->taken | server->awaited << 1 | server->given_up << 3 |
                       server->side << 4 | (server->death_pc != 0) << 5 |
                       server->early_deaths << 8 | server->version << 16);
    key = mix(key, (uint64_t)(uintptr_t)server->file.content);
    key = mix(key, init.spare_file.physical);
    key = mix(key, world_inside_key());
    key = mix(key, explore_state()->version << 16 | explore_state()->moved);
    key = mix(key, explore_ghost.replaces | explore_ghost.touched << 7 | explore_ghost.deaths << 8 |
                       world_task(WORLD_MONITOR)->state << 16);
    key = mix(key, file_version(&(struct file){.content = memory_see(init.buffer.physical)}));
    return key;
}
