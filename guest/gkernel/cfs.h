// The completely fair scheduler: who has had the least CPU time for its weight runs next. Each
// entity's time is counted as virtual run time, nanoseconds scaled by 1024 / weight, so that equal
// virtual run time means fair shares. (C. Wong et al., "Towards achieving fairness in the Linux
// scheduler", 2008; A. Pabla, "Completely Fair Scheduler", Linux Journal, 2009.)
//
// The running entity is not in the queue. Interrupts are off in every function.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CFS_NICE_MIN (-20)
#define CFS_NICE_MAX 19

struct cfs_entity {
    struct cfs_entity *next; // in the queue, by rising virtual run time
    uint64_t weight;
    uint64_t vruntime;   // ns, scaled
    uint64_t run_since;  // when its time was last counted
    uint64_t slice_used; // ns since it was picked
    uint64_t ran;        // ns in all
};

struct cfs_queue {
    struct cfs_entity *first;
    uint64_t count;
    uint64_t weight;       // of all that are queued
    uint64_t min_vruntime; // never goes back
};

void cfs_entity_init(struct cfs_entity *entity, int nice);

// Its weight from now on, while it is not in the queue. What it has run counts as it did.
void cfs_set_nice(struct cfs_entity *entity, int nice);

// A new entity starts one turn behind those that run, and never before its parent, so that making
// children gains nobody time. The parent is what runs, and cfs_account done.
void cfs_place_new(const struct cfs_queue *queue, const struct cfs_entity *parent,
                   struct cfs_entity *entity);

// One that slept gets at most half a period's credit, so that it runs soon but can't save up time.
void cfs_place_woken(const struct cfs_queue *queue, struct cfs_entity *entity);

void cfs_enqueue(struct cfs_queue *queue, struct cfs_entity *entity);

// Takes that one from the queue, in which it is.
void cfs_dequeue(struct cfs_queue *queue, struct cfs_entity *entity);

// Takes the first from the queue, which then runs from `now` on. NULL when there is none.
struct cfs_entity *cfs_pick(struct cfs_queue *queue, uint64_t now);

// Counts the running entity's time up to `now`.
void cfs_account(struct cfs_queue *queue, struct cfs_entity *running, uint64_t now);

// A woken entity has been enqueued, and cfs_account done: is it so far behind the running one that
// it should have the CPU at once?
bool cfs_should_yield_to(const struct cfs_entity *running, const struct cfs_entity *woken);

// The tick's question, after cfs_account: should somebody else run?
bool cfs_should_preempt(const struct cfs_queue *queue, const struct cfs_entity *running);
