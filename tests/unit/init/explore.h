// One server, its replacement, the monitor and the core, step by step in every order.
#pragma once

#include "ipc/state.h"
#include "tests/unit/init/world.h"

// What can happen. Of the tasks: the one in the server's body, and the one in the spare body.
#define EXPLORE_LIST(X)                                                                            \
    X(TURN)        /* init takes its next record */                                                \
    X(OLD_STEP)    /* it does what comes next */                                                   \
    X(OLD_REFUSES) /* it can't take over */                                                        \
    X(OLD_DIES)                                                                                    \
    X(NEW_STEP)                                                                                    \
    X(NEW_REFUSES)                                                                                 \
    X(NEW_DIES)                                                                                    \
    X(EXIT)          /* a guest's exit arrives */                                                  \
    X(REPLACE_OLDER) /* the monitor wants it */                                                    \
    X(REPLACE_SAME)                                                                                \
    X(REPLACE_NEWER)                                                                               \
    X(REPLACE_AGAIN) /* from the file that it was last started from */                             \
    X(KILL)                                                                                        \
    X(OLD_DIES_AT_1) /* init's next turn, but it dies before the first of its system calls */      \
    X(OLD_DIES_AT_2)                                                                               \
    X(OLD_DIES_AT_3)                                                                               \
    X(OLD_DIES_AT_4)                                                                               \
    X(OLD_DIES_AT_5)                                                                               \
    X(NEW_DIES_AT_1)                                                                               \
    X(NEW_DIES_AT_2)                                                                               \
    X(NEW_DIES_AT_3)                                                                               \
    X(NEW_DIES_AT_4)                                                                               \
    X(NEW_DIES_AT_5)

#define EXPLORE_ENUM(name) EXPLORE_##name,
enum explore_event { EXPLORE_LIST(EXPLORE_ENUM) EXPLORE_EVENTS };
#undef EXPLORE_ENUM

// How far a task has come.
enum explore_phase { BEGUN, SAID_READY, PREPARED, MIGRATED, SAID_TAKEN, SAID_REFUSED, SERVES };

// What the test itself remembers.
struct explore_ghost {
    uint8_t phase[CORE_TASKS];
    bool taken[CORE_TASKS]; // init has answered its TAKEN
    uint8_t replaces, deaths;
    bool touched; // by the new one: the device, and so what the old one knows of it
    bool begun;   // by the last turn: a replacement
    bool killed;  // that was a KILL; one that comes too late ends the wait for the one before it
};

extern struct explore_ghost explore_ghost;
extern unsigned explore_replaces, explore_deaths; // so many at most

void explore_start(void);

// Whether EVENT can happen now; lets it happen.
bool explore_can(enum explore_event event);
void explore_do(enum explore_event event);

// All that is to come, until nothing moves any more without a cause.
void explore_drain(void);

struct state_header *explore_state(void);
uint32_t explore_version(void);   // of that
bool explore_on(void);            // a replacement is on its way
bool explore_dead(uint64_t side); // init is yet to hear of the death of the worker of that side

// What distinguishes two states that can go on in different ways.
uint64_t explore_key(void);

// NULL, or what is wrong in this state; and in one from which nothing moves any more.
const char *explore_wrong(void);
const char *explore_wrong_at_rest(void);
