// A replacement, the deaths that meet it and what the monitor does meanwhile: every order of what
// can happen, up to a depth. After each step what must always hold does, and when nothing more
// happens, the server serves.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/init/explore.h"

#define DEPTH 10
#define WALKS 400
#define WALK_STEPS 250
#define SEEN (1u << 20)
#define FILE_PLACES 3

// All that an event can change.
struct snapshot {
    struct core core;
    struct explore_ghost ghost;
    struct world_inside inside;
    struct state_header state;
    uint8_t init[sizeof(struct init) - offsetof(struct init, server)];
    struct memory file[FILE_PLACES];
    uint8_t bytes[FILE_PLACES][FILE_BYTES];
};

static struct snapshot snapshots[DEPTH + 2];
static enum explore_event path[WALK_STEPS];
static unsigned path_length;
static struct {
    uint64_t key;
    unsigned depth; // that it was seen with
} seen[SEEN];
static unsigned states, steps;
static unsigned outcomes[MONITOR_FAILED + 1];
static unsigned given_up;

static void keep(struct snapshot *to) {
    to->core = core;
    to->ghost = explore_ghost;
    world_inside_keep(&to->inside);
    to->state = *explore_state();
    memcpy(to->init, (char *)&init + offsetof(struct init, server), sizeof(to->init));
    to->file[0] = init.buffer;
    to->file[1] = init.spare_file;
    to->file[2] = init.server[WORLD_WORKER].file.memory;
    for (unsigned i = 0; i < FILE_PLACES; i++) {
        if (to->file[i].size) {
            memcpy(to->bytes[i], memory_see(to->file[i].physical), FILE_BYTES);
        }
    }
}

static void bring_back(const struct snapshot *from) {
    core = from->core;
    explore_ghost = from->ghost;
    world_inside_bring_back(&from->inside);
    memcpy((char *)&init + offsetof(struct init, server), from->init, sizeof(from->init));
    *explore_state() = from->state;
    for (unsigned i = 0; i < FILE_PLACES; i++) {
        if (from->file[i].size) {
            memcpy(memory_see(from->file[i].physical), from->bytes[i], FILE_BYTES);
        }
    }
}

static void fail_with(const char *wrong, const char *when) {
#define NAME(name) #name,
    static const char *const names[] = {EXPLORE_LIST(NAME)};
#undef NAME
    for (unsigned i = 0; i < path_length; i++) {
        print_error("%s ", names[path[i]]);
    }
    print_error("%s\n", when);
    bring_back(&snapshots[0]);
    core_lines = 0;
    for (unsigned i = 0; i < path_length; i++) {
        explore_do(path[i]);
    }
    for (unsigned i = core_lines > 6 ? core_lines - 6 : 0; i < core_lines; i++) {
        print_error("    %s\n", core_line[i % CORE_LINES]);
    }
    fail_msg("%s", wrong);
}

static uint64_t outcome(void) {
    uint64_t word[MESSAGE_WORDS];
    replace_outcome(word);
    return word[1];
}

// One event, and what it must tell the monitor: each decision once, and the end of each wait.
static const char *happen(enum explore_event event) {
    struct server *server = &init.server[WORLD_WORKER];
    bool on = explore_on();
    uint64_t before = outcome();
    bool awaited = server->awaited;
    bool gone = server->given_up;
    uint32_t version = world_version(world_task(WORLD_WORKER)->entry);
    uint32_t told = world_portal(WORLD_MONITOR)->signals_ever;
    steps++;
    explore_do(event);
    if (core.ended) {
        return NULL;
    }
    bool switched = before == MONITOR_PREPARING && outcome() == MONITOR_SWITCHING;
    bool decided = (on || explore_ghost.begun) && !explore_on();
    if (on && explore_ghost.begun) {
        return "a second replacement began";
    }
    if (event == EXPLORE_TURN && switched && world_task(WORLD_WORKER)->state == TASK_DEAD) {
        return "the new one has the portal, and nobody has heard of the old one's death";
    }
    bool told_end =
        awaited && !explore_ghost.killed && (!server->awaited || server->given_up) && !gone;
    if (world_portal(WORLD_MONITOR)->signals_ever - told != (unsigned)decided + told_end) {
        return "the monitor is not told once of what it waits for";
    }
    outcomes[outcome()] += decided;
    given_up += server->given_up && !gone;
    if (decided && outcome() != MONITOR_REPLACED &&
        world_version(world_task(WORLD_WORKER)->entry) != version) {
        return "not replaced, and yet another version";
    }
    struct core_task *task = world_task(WORLD_WORKER);
    if (decided && outcome() == MONITOR_FAILED && explore_ghost.touched &&
        task->state != TASK_DEAD && explore_ghost.phase[CORE_NUMBER(core.task, task)] != BEGUN) {
        return "the new one had the device, and the old one goes on with it";
    }
    return NULL;
}

static bool is_new(unsigned depth) {
    uint64_t key = explore_key();
    unsigned at = (unsigned)(key % SEEN);
    for (unsigned i = 0; i < SEEN && seen[at].key && seen[at].key != key; i++) {
        at = (at + 1) % SEEN;
    }
    if (seen[at].key && seen[at].depth <= depth) {
        return false;
    }
    states += seen[at].key == 0;
    seen[at].key = key;
    seen[at].depth = depth;
    assert_in_range(states, 0, SEEN / 4 * 3);
    return true;
}

static void check_rest(const struct snapshot *here) {
    explore_drain();
    const char *wrong = explore_wrong_at_rest();
    if (wrong) {
        fail_with(wrong, "and to the end");
    }
    bring_back(here);
}

static void explore(unsigned depth) {
    struct snapshot *here = &snapshots[depth];
    if (!is_new(depth)) {
        return;
    }
    keep(here);
    check_rest(here);
    for (unsigned e = 0; depth < DEPTH && e < EXPLORE_EVENTS; e++) {
        if (!explore_can((enum explore_event)e)) {
            continue;
        }
        path[depth] = (enum explore_event)e;
        path_length = depth + 1;
        const char *wrong = happen((enum explore_event)e);
        wrong = wrong ? wrong : explore_wrong();
        if (wrong) {
            fail_with(wrong, "");
        }
        explore(depth + 1);
        bring_back(here);
    }
    path_length = depth;
}

static void test_every_order(void **state) {
    (void)state;
    explore_start();
    assert_null(explore_wrong());
    explore(0);
    print_message("%u states, %u steps; replaced %u, refused %u, failed %u, given up %u\n", states,
                  steps, outcomes[MONITOR_REPLACED], outcomes[MONITOR_REFUSED],
                  outcomes[MONITOR_FAILED], given_up);
    // It has been everywhere.
    assert_int_not_equal(outcomes[MONITOR_REPLACED], 0);
    assert_int_not_equal(outcomes[MONITOR_REFUSED], 0);
    assert_int_not_equal(outcomes[MONITOR_FAILED], 0);
}

// Longer ones than all orders can be tried of: one after the other, by chance.
static enum explore_event next_event(uint64_t *seed) {
    enum explore_event event;
    do {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        event = (enum explore_event)((*seed >> 8) % EXPLORE_EVENTS);
        if (*seed >> 62) { // mostly, what is to come comes
            event = *seed >> 61 & 1 ? EXPLORE_NEW_STEP : EXPLORE_OLD_STEP;
            event = explore_can(EXPLORE_TURN) ? EXPLORE_TURN : event;
        }
    } while (!explore_can(event));
    return event;
}

static void test_long_ways(void **state) {
    (void)state;
    uint64_t seed = 0x1d1e5eed;
    explore_start();
    keep(&snapshots[0]);
    explore_replaces = explore_deaths = 200;
    memset(outcomes, 0, sizeof(outcomes));
    for (unsigned walk = 0; walk < WALKS; walk++) {
        bring_back(&snapshots[0]);
        for (unsigned i = 0; i < WALK_STEPS && !init.server[WORLD_WORKER].given_up; i++) {
            path[i] = next_event(&seed);
            path_length = i + 1;
            const char *wrong = happen(path[i]);
            wrong = wrong ? wrong : explore_wrong();
            if (wrong) {
                fail_with(wrong, "");
            }
        }
        keep(&snapshots[1]);
        check_rest(&snapshots[1]);
    }
    print_message("replaced %u, refused %u, failed %u\n", outcomes[MONITOR_REPLACED],
                  outcomes[MONITOR_REFUSED], outcomes[MONITOR_FAILED]);
    assert_int_not_equal(outcomes[MONITOR_REPLACED], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_long_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
