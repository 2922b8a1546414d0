#include "tests/unit/init/explore.h"

#include <string.h>

#include "ipc/fault.h"

struct explore_ghost explore_ghost;
unsigned explore_replaces = 2;
unsigned explore_deaths = 4;

static struct server *worker(void) { return &init.server[WORLD_WORKER]; }

static struct core_task *monitor(void) { return world_task(WORLD_MONITOR); }

static unsigned number(const struct core_task *task) { return CORE_NUMBER(core.task, task); }

struct state_header *explore_state(void) { return memory_see(worker()->state.physical); }

bool explore_on(void) {
    uint64_t word[MESSAGE_WORDS];
    struct core kept = core; // a look at the pause is no event
    replace_outcome(word);
    core = kept;
    return word[1] == MONITOR_PREPARING || word[1] == MONITOR_SWITCHING;
}

bool explore_dead(uint64_t side) {
    for (unsigned i = 0; i < core.portal[0].count; i++) {
        const struct core_record *record = &core.portal[0].queue[i];
        if (record->c == EXIT_FAULT && server_of_badge(record->badge) == WORLD_WORKER &&
            server_side_of_badge(record->badge) == (side != 0)) {
            return true;
        }
    }
    return false;
}

static void started(struct core_task *task) {
    explore_ghost.phase[number(task)] = BEGUN;
    explore_ghost.taken[number(task)] = false;
}

void explore_start(void) {
    world_start();
    world_settle();
    memset(&explore_ghost, 0, sizeof(explore_ghost));
    explore_ghost.phase[number(world_task(WORLD_WORKER))] = SERVES;
    explore_ghost.taken[number(world_task(WORLD_WORKER))] = true;
    explore_state()->magic = STATE_MAGIC;
    explore_state()->version = WORLD_VERSION;
    monitor()->state = TASK_READY; // it has records of its own, and calls at any time
    core_started = started;
}

// --- what a server does

static bool can_step(const struct core_task *task) { return task && task->state == TASK_READY; }

static void call(struct core_task *task, uint64_t op, uint64_t word1, uint64_t word2) {
    const uint64_t word[MESSAGE_WORDS] = {op, word1, word2};
    core_task_calls(task, word);
}

static void touch(const struct core_task *task) {
    explore_ghost.touched |= task->serves && task == world_spare_task();
}

// The version of the state, which a newer image behind it (`moved`) can be instead.
uint32_t explore_version(void) {
    const struct state_header *state = explore_state();
    return state->moved ? (uint32_t)state->moved / STATE_SLOTS_AT : state->version;
}

// A state that is older is migrated in one step, and put in its place at the next.
static void take_over(struct core_task *task, uint8_t *phase) {
    struct state_header *state = explore_state();
    uint32_t version = world_version(task->entry);
    touch(task);
    if (explore_version() > version) {
        *phase = SAID_REFUSED;
        call(task, INIT_REFUSED, STATUS_UNSUPPORTED, 0);
    } else if (explore_version() < version) {
        *phase = MIGRATED;
        state->moved = (uint64_t)version * STATE_SLOTS_AT;
    } else {
        *phase = SAID_TAKEN;
        state->version = version;
        state->moved = 0;
        call(task, INIT_TAKEN, 0, 0);
    }
}

static void step(struct core_task *task) {
    uint8_t *phase = &explore_ghost.phase[number(task)];
    switch ((enum explore_phase) * phase) {
    case BEGUN:
        *phase = SAID_READY;
        call(task, INIT_READY, world_version(task->entry), 0);
        break;
    case SAID_READY:
        *phase = PREPARED;
        core_task_waits(task);
        break;
    case PREPARED:
    case MIGRATED:
        take_over(task, phase);
        break;
    case SAID_TAKEN:
    case SERVES:
        *phase = SERVES;
        core_task_waits(task);
        break;
    case SAID_REFUSED:
        core_task_dies(task, FAULT_EXIT, FILE_TEXT + 0x44, 0);
        break;
    }
}

static bool can_refuse(const struct core_task *task) {
    return can_step(task) && explore_ghost.phase[number(task)] == PREPARED;
}

static void refuse(struct core_task *task) {
    explore_ghost.phase[number(task)] = SAID_REFUSED;
    call(task, INIT_REFUSED, STATUS_IO, 0);
}

static bool can_die(const struct core_task *task) {
    return task && task->state != TASK_NEW && task->state != TASK_DEAD &&
           explore_ghost.deaths < explore_deaths;
}

static void die(struct core_task *task) {
    explore_ghost.deaths++;
    touch(task);
    core_task_dies(task, FAULT_MEMORY, FILE_TEXT + 0x48, 0);
}

static void replace(uint32_t version) {
    struct file_plan plan = world_plan(version);
    explore_ghost.replaces++;
    if (version) {
        file_make(&plan, memory_see(init.buffer.physical));
    }
    call(monitor(), INIT_REPLACE, WORLD_WORKER, version ? FILE_BYTES : 0);
}

// --- init's turn

static void turn(void) {
    struct core_record first = core.portal[0].queue[0];
    (void)core_turn();
    struct core_task *task = &core.task[first.task];
    if (first.c == EXIT_CALL && first.word[0] == INIT_TAKEN && task->exists) {
        explore_ghost.taken[first.task] = true;
    }
    explore_ghost.killed = first.c == EXIT_CALL && first.word[0] == INIT_KILL;
    explore_ghost.begun =
        first.c == EXIT_CALL && first.word[0] == INIT_REPLACE && task->reply[0] == STATUS_OK;
    explore_ghost.touched &= !explore_ghost.begun;
}

// init is interrupted in its turn, and a task runs and dies.
static struct {
    unsigned calls; // before that
    struct core_task *task;
} interruption;

static void interrupted(void) {
    struct core_task *task = interruption.task;
    if (interruption.calls > 0 && --interruption.calls == 0 && task->exists && can_die(task)) {
        die(task);
    }
}

static void turn_interrupted(struct core_task *task, unsigned call) {
    interruption.calls = call;
    interruption.task = task;
    core_interrupts = interrupted;
    turn();
    core_interrupts = NULL;
}

bool explore_can(enum explore_event event) {
    bool asks = monitor()->state == TASK_READY;
    switch (event) {
    case EXPLORE_TURN:
        return core.portal[0].count > 0;
    case EXPLORE_OLD_STEP:
        return can_step(world_task(WORLD_WORKER));
    case EXPLORE_OLD_REFUSES:
        return can_refuse(world_task(WORLD_WORKER));
    case EXPLORE_OLD_DIES:
        return can_die(world_task(WORLD_WORKER));
    case EXPLORE_NEW_STEP:
        return can_step(world_spare_task());
    case EXPLORE_NEW_REFUSES:
        return can_refuse(world_spare_task());
    case EXPLORE_NEW_DIES:
        return can_die(world_spare_task());
    case EXPLORE_EXIT:
        return world_portal(WORLD_WORKER)->count < 2;
    case EXPLORE_REPLACE_OLDER:
    case EXPLORE_REPLACE_SAME:
    case EXPLORE_REPLACE_NEWER:
    case EXPLORE_REPLACE_AGAIN:
        return asks && explore_ghost.replaces < explore_replaces;
    case EXPLORE_KILL:
        return asks && explore_ghost.deaths < explore_deaths;
    default:
        return core.portal[0].count > 0 &&
               can_die(event < EXPLORE_NEW_DIES_AT_1 ? world_task(WORLD_WORKER)
                                                     : world_spare_task());
    }
    return false;
}

void explore_do(enum explore_event event) {
    explore_ghost.begun = explore_ghost.killed = false;
    switch (event) {
    case EXPLORE_TURN:
        turn();
        break;
    case EXPLORE_OLD_STEP:
        step(world_task(WORLD_WORKER));
        break;
    case EXPLORE_OLD_REFUSES:
        refuse(world_task(WORLD_WORKER));
        break;
    case EXPLORE_OLD_DIES:
        die(world_task(WORLD_WORKER));
        break;
    case EXPLORE_NEW_STEP:
        step(world_spare_task());
        break;
    case EXPLORE_NEW_REFUSES:
        refuse(world_spare_task());
        break;
    case EXPLORE_NEW_DIES:
        die(world_spare_task());
        break;
    case EXPLORE_EXIT:
        world_exit(WORLD_WORKER, EXIT_HYPERCALL, WORLD_VM_A, 1);
        break;
    case EXPLORE_REPLACE_OLDER:
        replace(WORLD_VERSION - 1);
        break;
    case EXPLORE_REPLACE_SAME:
        replace(WORLD_VERSION);
        break;
    case EXPLORE_REPLACE_NEWER:
        replace(WORLD_VERSION + 1);
        break;
    case EXPLORE_REPLACE_AGAIN:
        replace(0);
        break;
    case EXPLORE_KILL:
        explore_ghost.deaths++;
        call(monitor(), INIT_KILL, WORLD_WORKER, 0);
        break;
    default:
        if (event < EXPLORE_NEW_DIES_AT_1) {
            turn_interrupted(world_task(WORLD_WORKER), event - EXPLORE_OLD_DIES_AT_1 + 1u);
        } else {
            turn_interrupted(world_spare_task(), event - EXPLORE_NEW_DIES_AT_1 + 1u);
        }
        break;
    }
}

void explore_drain(void) {
    static const enum explore_event order[] = {EXPLORE_TURN, EXPLORE_OLD_STEP, EXPLORE_NEW_STEP};
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!core.ended && explore_can(order[i])) {
            explore_do(order[i]);
            i = UINT32_MAX; // from the first one again
        }
    }
}
