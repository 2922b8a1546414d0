// The host's timer: guests' deadlines, time slices, and the watch over servers that do not come
// back. Nothing of it costs a forwarded exit anything: it looks from outside, once a tick.
#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/exit/forward.h"
#include "kernel/object/portal.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"
#include "kernel/sched/sched.h"

#define TICKS_UNBOUND 100 // a task that no portal gives a limit may run so long at a time

// The host's timer is to fire at AT, if it does not before.
static void tick_event(struct cpu *cpu, uint64_t at) {
    if (at < cpu->next_event) {
        cpu->next_event = at;
        arch_timer_set(at);
    }
}

void sched_deadline(struct vcpu *vcpu, uint64_t deadline) {
    vcpu->deadline = deadline;
    vcpu->due &= (uint8_t)~DUE_DEADLINE;
    tick_event(vcpu->context.cpu, deadline);
}

void sched_wake(struct vcpu *vcpu, uint64_t at) {
    vcpu->wake = at;
    tick_event(vcpu->context.cpu, at);
}

// The task that CALL waits for; NULL: one that is being started again.
static struct task *tick_callee(const struct record *call) {
    const struct portal *portal = call->portal;
    // Who is being replaced keeps what it serves: the new receiver waits for it, too.
    struct task *receiver = portal->held ? portal->held : portal->receiver;
    return call->server ? call->server : receiver;
}

// The task that keeps RECORD waiting. Its server may be in a call, whose server is in a call, and
// so on: all these work for RECORD. To blame is the first of them that has made another call since
// the last tick (it would go on for ever, while no call takes long), else the last.
//
// But a call may be queued still. Then the last is busy with another record, which its own portal
// limits, or is being started again: nobody (NULL) is to blame. Unless the calls lead round in a
// circle: then it is the one whose call closes that.
static struct task *tick_culprit(const struct record *record) {
    struct task *task = record->server;
    struct task *loops = NULL;
    // The last whose call is queued. From the first such on all work for others than RECORD.
    struct task *queued = NULL;
    for (int depth = 0; task && depth < 16 && task->state == TASK_CALLING; depth++) {
        if (!queued) {
            loops = !loops && task->call.seq != task->tick_call ? task : loops;
            task->tick_call = task->call.seq;
        }
        queued = task->call.server ? queued : task;
        task = tick_callee(&task->call);
    }
    bool circle = task && task->state == TASK_CALLING; // no end was found
    struct task *last = !queued ? task : circle ? queued : NULL;
    return loops ? loops : last;
}

// Ends who keeps this vCPU's exit, which is with a server, pending for longer than its portal
// allows. The culprit is asked for at each tick, for that compares it with the tick before.
static void tick_watch_exit(struct vcpu *vcpu) {
    struct record *record = &vcpu->record;
    bool pending = vcpu->state == VCPU_EXITED && record->server;
    struct task *culprit = pending ? tick_culprit(record) : NULL;
    if (!pending || record->seq != vcpu->tick_seq) {
        vcpu->tick_seq = record->seq;
        vcpu->tick_age = 0;
        return;
    }
    uint32_t limit = record->portal->deadline_ticks;
    if (limit && culprit && ++vcpu->tick_age >= limit) {
        vcpu->tick_age = 0;
        task_die(culprit, FAULT_HANG, 0, 0);
    }
}

// Ends the running task if it has been at the same record, or at its start, for longer than its
// portal allows.
static void tick_watch_task(struct task *task) {
    struct record *serving = task->serving;
    uint64_t key = serving ? (uint64_t)(uintptr_t)serving + serving->seq : 0;
    if (key != task->tick_key) {
        task->tick_key = key;
        task->tick_age = 0;
        return;
    }
    const struct portal *portal = task->leaving ? task->leaving : task->portal;
    uint32_t limit = portal ? portal->deadline_ticks : TICKS_UNBOUND;
    if (limit && ++task->tick_age >= limit) {
        task->tick_age = 0;
        task_die(task, FAULT_HANG, 0, 0);
    }
}

// A tick meets a task. The guest that it works for, or that it keeps from running, has had its turn
// all the same: else one that knows when the tick comes would keep the others out for ever.
static void tick_end_turns(struct cpu *cpu) {
    for (struct vcpu *vcpu = cpu->home; vcpu; vcpu = vcpu->next_home) {
        if (vcpu->state == VCPU_EXITED) {
            vcpu->due |= DUE_TURN;
        }
    }
    struct context *first = cpu->vcpus.head;
    if (first && first->kind == CONTEXT_VCPU && vcpu_of(first)->preempted) {
        vcpu_of(first)->preempted = false;
        sched_remove(first);
        sched_ready(first);
    }
}

// What a tick looks at, while CURRENT runs: whose turn is over, who starves, who hangs.
static void tick(struct cpu *cpu, struct context *current) {
    struct task *task = current && current->kind == CONTEXT_TASK ? task_of(current) : NULL;
    // Tasks go before guests, but servers that give each other no end of work don't keep them out.
    bool starving = task && cpu->vcpus.head;
    if (task) {
        tick_end_turns(cpu);
    }
    for (struct vcpu *vcpu = cpu->home; vcpu; vcpu = vcpu->next_home) {
        starving &= vcpu->record.seq == vcpu->tick_seq; // else it ran since the last tick, and left
        tick_watch_exit(vcpu);
    }
    cpu->starved = starving ? cpu->starved + 1 : 0;
    if (task && task->state == TASK_READY) {
        tick_watch_task(task);
    }
}

static bool tick_can_run(struct context *context) {
    return context->kind == CONTEXT_TASK ? task_of(context)->state == TASK_READY
                                         : vcpu_of(context)->state == VCPU_RUNNABLE;
}

// The long way: a tick, or several vCPUs whose deadlines may have passed.
COLD static struct context *tick_all(struct cpu *cpu, struct context *current, uint64_t now) {
    bool ticked = now >= cpu->next_tick;
    if (ticked) {
        // Ticks that were missed while the machine did not run are not made up for.
        cpu->next_tick = now + ARCH_TICK;
        tick(cpu, current);
        portal_tick(cpu);
    }
    uint64_t event = cpu->next_tick;
    for (struct vcpu *vcpu = cpu->home; vcpu; vcpu = vcpu->next_home) {
        if (vcpu->deadline <= now) {
            // Not into the record: another exit may be pending there.
            vcpu->passed = vcpu->deadline;
            vcpu->deadline = DEADLINE_NEVER;
            vcpu->due |= DUE_DEADLINE;
            vcpu_look_again(vcpu);
        }
        if (vcpu->wake <= now) {
            vcpu->wake = DEADLINE_NEVER; // the guest's own timer does the rest
            vcpu_unpark(vcpu);
        }
        uint64_t next = vcpu->deadline < vcpu->wake ? vcpu->deadline : vcpu->wake;
        event = next < event ? next : event;
    }
    cpu->next_event = event;
    arch_timer_set(event);
    if (current && !tick_can_run(current)) {
        current = NULL;
    }
    if (current && ticked) {
        sched_ready(current); // behind all others: a time slice is one tick
        return sched_next(cpu);
    }
    return sched_choose(cpu, current);
}

HOT struct context *sched_timer(struct cpu *cpu, struct context *current) {
    uint64_t now = arch_now();
    // What happens most: the deadline of the one vCPU that lives here, while it runs. (Should a
    // task run, vcpu_of gives an address that is no vCPU's.)
    if (likely(current && vcpu_of(current) == cpu->alone)) {
        struct vcpu *vcpu = vcpu_of(current);
        if (likely(vcpu->deadline <= now && now < cpu->next_tick)) {
            vcpu->record.word[0] = vcpu->deadline;
            vcpu->record.word[1] = now;
            vcpu->deadline = DEADLINE_NEVER;
            cpu->next_event = cpu->next_tick;
            arch_timer_set(cpu->next_tick);
            return forward_exit(vcpu, EXIT_TIMER, 0);
        }
    }
    return tick_all(cpu, current, now);
}
