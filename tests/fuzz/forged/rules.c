#include "tests/fuzz/forged/rules.h"

#include <string.h>

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "ipc/message.h"
#include "kernel/object/pool.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"

#define ALLOWED 512

#define require(condition, message) machine_require(condition, message)

static struct {
    const char *begin, *end;
} allowed[ALLOWED];
static unsigned allowed_count;

struct rules_reply rules_reply;

static void allow(const void *begin, const void *end) {
    require(allowed_count < ALLOWED, "too much is allowed for this test");
    allowed[allowed_count].begin = begin;
    allowed[allowed_count++].end = end;
}

#define ALLOW(object, field) allow(&(object)->field, &(object)->field + 1)

bool rules_allow(const void *address) {
    const char *at = address;
    for (unsigned i = 0; i < allowed_count; i++) {
        if (at >= allowed[i].begin && at < allowed[i].end) {
            return true;
        }
    }
    return false;
}

static void *object_at(uint32_t page, enum object_type type) {
    return pool.page[page].pages && pool.page[page].type == type ? pool_object(page) : NULL;
}

// --- who is touched by what

// Whoever runs next was ready, and is so no longer; a guest may be put first in its queue. The
// links of the queues are not looked at: invariants.h does.
static void allow_turns(void) {
    for (uint32_t i = 0; i < pool.count; i++) {
        struct task *task = object_at(i, OBJECT_TASK);
        struct vcpu *vcpu = object_at(i, OBJECT_VCPU);
        struct context *context = task ? &task->context : vcpu ? &vcpu->context : NULL;
        if (context) {
            ALLOW(context, next);
            ALLOW(context, prev);
        }
        if (vcpu) {
            ALLOW(vcpu, preempted);
            ALLOW(vcpu, arch); // or in the CPU: looked at below, wherever it is
        }
    }
    if (machine.cpu->tasks.head) {
        ALLOW(machine.cpu->tasks.head, queued);
    }
    if (machine.cpu->vcpus.head) {
        ALLOW(machine.cpu->vcpus.head, queued);
    }
}

static void allow_receive(struct task *task) {
    ALLOW(task, context.regs);
    ALLOW(task, context.queued);
    ALLOW(task, serving);
    ALLOW(task, arriving);
    ALLOW(task, exit);
    ALLOW(task, state);
}

static void allow_send(struct portal *portal) {
    ALLOW(portal, head);
    ALLOW(portal, tail);
    ALLOW(portal, waiting);
    if (portal->tail) {
        ALLOW(portal->tail, next);
    }
    if (portal->waiting) {
        allow_receive(portal->waiting);
    }
}

static void allow_signal(struct portal *portal) {
    ALLOW(portal, signals);
    if (!portal->signal.portal) {
        ALLOW(portal, signal);
        allow_send(portal);
    }
}

// The portal that SLOT of TASK's may call; NULL: none.
static struct portal *callable(const struct task *task, uint64_t slot) {
    if (slot >= task->cap_count) {
        return NULL;
    }
    const struct cap *cap = &task->cap[slot];
    bool alive = pool.page[cap->index].generation == cap->generation;
    return cap->type == OBJECT_PORTAL && (cap->rights & RIGHT_CALL) && alive
               ? pool_object(cap->index)
               : NULL;
}

// The record being served, also where it has not been written down.
static struct record *served(struct task *task) {
    return machine.cpu->fast ? &machine.cpu->fast->record : task->serving;
}

// --- answers to exits

static struct vcpu *sibling(const struct vcpu *vcpu, uint64_t number) {
    return number < SYSCALL_VCPUS_MAX ? vcpu->space->vcpu[number] : NULL;
}

// Why the core has to send the answer back, whatever else it says.
static bool is_refused(const struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    enum exit_class c = machine.cpu->fast ? EXIT_HYPERCALL : MESSAGE_CLASS(vcpu->record.info);
    const struct route *route = &vcpu->route[c];
    if (!(flags & REPLY_FLAGS) || (flags & 0x7fffffff & ~(uint64_t)route->may)) {
        return true;
    }
    if ((flags & REPLY_WRITE) &&
        (REPLY_REGISTER_OF(flags) > 31 || !(route->write_mask >> REPLY_REGISTER_OF(flags) & 1))) {
        return true;
    }
    if ((flags & REPLY_WRITE_SECOND) &&
        (REPLY_SECOND_OF(flags) > 31 || !(route->write_mask >> REPLY_SECOND_OF(flags) & 1))) {
        return true;
    }
    if ((flags & (REPLY_RAISE | REPLY_CLEAR)) && REPLY_INTERRUPT_OF(flags) >= INTERRUPT_COUNT) {
        return true;
    }
    if (flags & REPLY_START) {
        const struct vcpu *target = sibling(vcpu, word[2]);
        return (flags & (REPLY_RAISE | REPLY_FENCE)) || !target || target->state != VCPU_OFF;
    }
    return false;
}

static void allow_unpark(struct vcpu *vcpu) {
    if (vcpu->state == VCPU_PARKED) {
        ALLOW(vcpu, state);
        ALLOW(vcpu, context.queued);
    }
}

static void allow_exit(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    flags = flags == REPLY_HYPERCALL ? REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE : flags;
    flags = flags == REPLY_HYPERCALL_DEADLINE
                ? REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE
                : flags;
    rules_reply.vcpu = vcpu;
    rules_reply.effects = flags;
    rules_reply.refused = is_refused(vcpu, flags, word);
    if (rules_reply.refused) {
        return;
    }
    ALLOW(vcpu, record.portal);
    ALLOW(vcpu, record.server);
    ALLOW(vcpu, state);
    ALLOW(vcpu, due);
    ALLOW(vcpu, context.queued);
    struct regs *regs = &vcpu->context.regs;
    if (flags & REPLY_RESULT) {
        allow(&regs->general[0], &regs->general[2]);
    }
    if ((flags & REPLY_WRITE) && REPLY_REGISTER_OF(flags) < REGS_GENERAL) {
        ALLOW(regs, general[REPLY_REGISTER_OF(flags)]);
    }
    if ((flags & REPLY_WRITE_SECOND) && REPLY_SECOND_OF(flags) < REGS_GENERAL) {
        ALLOW(regs, general[REPLY_SECOND_OF(flags)]);
    }
    if (flags & (REPLY_ADVANCE | REPLY_INJECT)) {
        ALLOW(regs, pc);
    }
    if (flags & REPLY_INJECT) {
        ALLOW(regs, user);
    }
    if (flags & (REPLY_DEADLINE | REPLY_STOP)) {
        ALLOW(vcpu, deadline);
    }
    if (flags & (REPLY_PARK | REPLY_STOP)) {
        ALLOW(vcpu, wake);
    }
    if (flags & (REPLY_RAISE | REPLY_FENCE)) {
        rules_reply.targets = word[4];
        for (unsigned i = 0; (flags & REPLY_RAISE) && i < SYSCALL_VCPUS_MAX; i++) {
            if ((word[4] >> i & 1) && sibling(vcpu, i)) {
                allow_unpark(sibling(vcpu, i));
            }
        }
    }
    if (flags & REPLY_START) {
        struct vcpu *target = sibling(vcpu, word[2]);
        ALLOW(target, context.regs);
        ALLOW(target, context.queued);
        ALLOW(target, state);
        ALLOW(target, deadline);
        ALLOW(target, due);
    }
    if (flags & REPLY_MAP) {
        uint32_t page = pool_index(vcpu->space->root);
        allow(pool_object(page), pool_object(page + pool.page[page].pages));
    }
}

// --- all calls

static void allow_reply(struct task *task, uint64_t flags, const uint64_t *word) {
    struct record *record = served(task);
    struct portal *portal = task->portal;
    ALLOW(portal, head);
    ALLOW(portal, tail);
    ALLOW(portal, waiting);
    if (portal->head) { // it is next
        ALLOW(portal->head, server);
        ALLOW(portal->head, next);
    }
    if (!record) {
        return;
    }
    if (portal->lost) {
        ALLOW(portal, lost);
        ALLOW(portal, pause);
    }
    if (record->owner == RECORD_VCPU) {
        allow_exit(container_of(record, struct vcpu, record), flags, word);
    } else if (record->owner == RECORD_CALL) {
        struct task *caller = container_of(record, struct task, call);
        ALLOW(caller, call);
        ALLOW(caller, context.regs);
        ALLOW(caller, context.queued);
        ALLOW(caller, state);
    } else if (record->owner == RECORD_SIGNAL) {
        ALLOW(portal, signal);
        ALLOW(portal, signals);
        allow_send(portal);
    } else if (record->owner == RECORD_IRQ) {
        allow(record, record + 1);
    }
}

static void allow_end(struct task *task) {
    struct record *record = served(task);
    struct portal *portal = task->portal;
    ALLOW(task, fault);
    ALLOW(task, portal);
    ALLOW(portal, receiver);
    ALLOW(portal, waiting);
    ALLOW(portal, lost);
    ALLOW(portal, head);
    ALLOW(portal, tail);
    if (record) {
        ALLOW(record, server);
        ALLOW(record, next);
        ALLOW(record, info); // one attempt more
    }
    allow_send(task->fault_route.portal);
}

void rules_begin(const struct attempt *attempt) {
    allowed_count = 0;
    memset(&rules_reply, 0, sizeof(rules_reply));
    allow_turns();
    struct task *task = attempt->task;
    struct portal *portal = callable(task, attempt->selector);
    struct vcpu *fast = machine.cpu->fast;
    ALLOW(task, context.regs);
    ALLOW(task, context.queued);
    ALLOW(task, context.quick);
    ALLOW(task, serving);
    ALLOW(task, arriving);
    ALLOW(task, exit);
    ALLOW(task, state);
    if (fast) { // whatever it does, that record is written down or answered
        ALLOW(fast, record);
        ALLOW(fast, state);
        ALLOW(fast, context.regs.user);
        ALLOW(fast->fast_portal, waiting);
    }
    if (attempt->number == SYSCALL_REPLY_WAIT) {
        allow_reply(task, attempt->selector, attempt->word);
    } else if (attempt->number == SYSCALL_EXIT) {
        allow_end(task);
    } else if (attempt->number == SYSCALL_CALL && portal) {
        ALLOW(task, call);
        allow_send(portal);
    } else if (attempt->number == SYSCALL_SIGNAL && portal) {
        allow_signal(portal);
    } else if (attempt->number == SYSCALL_TASK && attempt->word[0] == TASK_RECEIVE) {
        ALLOW(task, receive_pc);
        ALLOW(task, receive_sp);
        ALLOW(task, receive_tp);
        ALLOW(task, fixup);
    } else if (attempt->number == SYSCALL_DESTROY && attempt->selector < task->cap_count &&
               task->cap[attempt->selector].type == OBJECT_FRAME) {
        ALLOW(task, cap[attempt->selector]); // it may forget what it has; oracle_after looks at it
    }
    // All else needs rights that no server has: it returns, and changes nothing.
}
