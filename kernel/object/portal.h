// A portal: the endpoint that one task receives on. It outlives that task: records stay in its
// queue, and whoever is bound next gets them.
#pragma once

#include "kernel/object/task.h"
#include "kernel/record.h"

struct portal {
    struct task *waiting;  // the bound task, when it waits and nothing is queued: the shortest way
    struct task *receiver; // the bound task
    struct record *head;   // queued records
    struct record *tail;
    uint32_t deadline_ticks; // of the host: how long its task may take for one record
    struct record signal;    // SIGNAL: one record, however often it was signalled
    uint64_t signals;        // since the record was last delivered
    struct task *held; // still serves a record of this portal, and another is bound already: that
                       // one gets no record before
    uint64_t lost;     // instructions counted when its receiver was lost; 0: records are answered
    uint64_t pause;    // from there to the first answer of the one bound next
};

void portal_init(struct portal *portal, uint64_t deadline_ticks);

// Sends RECORD, filled in but for portal, server and next. Returns the receiver when it was
// waiting and now serves it: it is to run next. NULL: the record is queued.
struct task *portal_send(struct portal *portal, struct record *record);

// The same, and the receiver becomes ready to run.
void portal_post(struct portal *portal, struct record *record);

// Puts RECORD at the end of the queue. Returns NULL: nobody is to run because of it.
struct task *portal_queue(struct portal *portal, struct record *record);

// portal_send to a receiver that waits and is run at once, see task_arrive.
static inline struct task *portal_hand_over(struct portal *portal, struct record *record,
                                            const uint64_t *words) {
    struct task *task = portal->waiting;
    portal->waiting = NULL;
    record->portal = portal;
    task_arrive(task, record, words);
    return task;
}

// Puts RECORD, which a task served that is gone now, back before all others. Nobody waits there.
void portal_send_again(struct record *record);

// Takes the next record out of the queue, in which there is one.
struct record *portal_take(struct portal *portal);

// Takes RECORD out of its portal's queue or from its server: nobody waits for it any more.
void portal_cancel(struct record *record);

// Signals by CAP: the portal's receiver hears of it, LATER at CPU's next tick, unless another
// portal waits for that.
void portal_signal(struct cpu *cpu, const struct cap *cap, bool later);

// CPU ticks: sends the signal that was to wait for this.
void portal_tick(struct cpu *cpu);

// The record of a signal was answered: sends it again when there were more meanwhile.
void portal_signal_done(struct portal *portal);

// From now on TASK receives there. The task bound before, if any, no longer does, and is done with
// its record before that.
void portal_bind(struct portal *portal, struct task *task);

// TASK, bound or still serving, is gone. Nobody is bound then: not even who was to come after it.
void portal_unbind(struct task *task);

// Its receiver may take records from now on: who served the last of those before is done with it.
void portal_admit(struct portal *portal);

// The first record is answered since its receiver was lost.
void portal_found(struct portal *portal);
