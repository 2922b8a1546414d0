#include "kernel/exit/commit.h"

#include "arch/task.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/mem/pagetable.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/sched/sched.h"

// What a reply's flags say beside the mark and the numbers.
#define REPLY_EFFECTS 0x7fffffffu

// The two short forms, spelled out.
static uint64_t commit_flags(uint64_t flags) {
    if (likely(flags & REPLY_FLAGS)) {
        return flags;
    }
    switch (flags) {
    case REPLY_HYPERCALL:
        return REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
    case REPLY_HYPERCALL_DEADLINE:
        return REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE;
    default:
        return 0;
    }
}

// The other vCPU that a START is about.
static struct vcpu *commit_target(const struct vcpu *vcpu, uint64_t number) {
    return number < SYSCALL_VCPUS_MAX ? vcpu->space->vcpu[number] : NULL;
}

// MAP that found something mapped. Right when it is the same: the record was answered before, or
// the hardware had kept the old entry.
COLD static enum status commit_map_again(struct vcpu *vcpu, space_addr_t address, hpa_t target,
                                         unsigned bits, unsigned rights) {
    if (!pagetable_is(vcpu->space, address, target, bits, rights)) {
        return STATUS_EXISTS;
    }
    arch_space_fence(vcpu->space, address);
    return STATUS_OK;
}

HOT static inline enum status commit_map(struct vcpu *vcpu, const struct task *task,
                                         const uint64_t *word) {
    unsigned bits = REPLY_MAPPING_BITS(word[3]);
    unsigned rights = REPLY_MAPPING_RIGHTS(word[3]);
    enum status status = STATUS_OK;
    const struct cap *frame =
        cap_find(task, REPLY_MAPPING_SLOT(word[3]), OBJECT_FRAME, rights, &status);
    if (!frame) {
        return status;
    }
    if (bits != 12 && bits != 21 && bits != 30) {
        return STATUS_INVALID;
    }
    if (!range_within(word[5], 1ull << bits, frame->size)) {
        return STATUS_RANGE;
    }
    status =
        pagetable_map(vcpu->space, SPACE_ADDR(word[2]), HPA(frame->base + word[5]), bits, rights);
    if (unlikely(status == STATUS_EXISTS)) {
        return commit_map_again(vcpu, SPACE_ADDR(word[2]), HPA(frame->base + word[5]), bits,
                                rights);
    }
    return status;
}

// Everything that can be wrong with a reply, but for MAP.
static enum status commit_check(const struct vcpu *vcpu, const struct route *route, uint64_t flags,
                                const uint64_t *word) {
    if (unlikely(!(flags & REPLY_FLAGS))) {
        return STATUS_INVALID;
    }
    if (unlikely(flags & REPLY_EFFECTS & ~(uint64_t)route->may)) {
        return STATUS_DENIED;
    }
    if (flags & REPLY_WRITE) {
        uint32_t reg = REPLY_REGISTER_OF(flags);
        if (reg >= 32 || !(route->write_mask >> reg & 1)) {
            return STATUS_DENIED;
        }
    }
    if ((flags & (REPLY_RAISE | REPLY_CLEAR)) && REPLY_INTERRUPT_OF(flags) >= INTERRUPT_COUNT) {
        return STATUS_INVALID;
    }
    if (flags & REPLY_START) {
        if (flags & (REPLY_RAISE | REPLY_FENCE)) {
            return STATUS_INVALID; // word[4] can't be both a mask and an argument
        }
        const struct vcpu *target = commit_target(vcpu, word[2]);
        if (!target) {
            return STATUS_NOT_FOUND;
        }
        if (target->state != VCPU_OFF) {
            return STATUS_BUSY;
        }
    }
    return STATUS_OK;
}

static void commit_raise(struct vcpu *target, unsigned interrupt) {
    arch_vcpu_raise(target, interrupt);
    vcpu_unpark(target);
}

// Effects on other vCPUs of the VM.
COLD static void commit_others(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    for (uint64_t mask = word[4]; mask; mask &= mask - 1) {
        struct vcpu *target = commit_target(vcpu, (uint64_t)__builtin_ctzll(mask));
        if (target && (flags & REPLY_FENCE)) {
            arch_vcpu_fence(target);
        }
        if (target && (flags & REPLY_RAISE)) {
            commit_raise(target, REPLY_INTERRUPT_OF(flags));
        }
    }
}

// Effects that are rare. Cannot fail.
COLD static void commit_rare(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    if (flags & REPLY_CLEAR) {
        arch_vcpu_clear(vcpu, REPLY_INTERRUPT_OF(flags));
    }
    if (flags & REPLY_INJECT) {
        arch_vcpu_inject(vcpu, word[0], word[1]);
    }
    if (flags & REPLY_START) {
        // Checked: it is off, so this can't fail.
        enum status status = vcpu_start(commit_target(vcpu, word[2]), word[3], word[2], word[4]);
        (void)status;
    } else if (flags & REPLY_FENCE) {
        commit_others(vcpu, flags, word);
    }
}

// The effects on the vCPU that exited. Cannot fail.
static void commit_invoke(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    if (flags & REPLY_RESULT) {
        arch_vcpu_result(vcpu, word[0], word[1]);
    }
    if (flags & REPLY_WRITE) {
        regs_set(&vcpu->context.regs, REPLY_REGISTER_OF(flags), word[0]);
    }
    if (flags & REPLY_ADVANCE) {
        // The short forms of an answer leave word[6] open; so a hypercall's length is its own.
        arch_vcpu_advance(vcpu, flags & REPLY_RESULT ? 0 : word[6]);
    }
    if (flags & REPLY_DEADLINE) {
        arch_vcpu_clear(vcpu, INTERRUPT_TIMER);
        sched_deadline(vcpu, word[2]);
    }
    if (flags & REPLY_RAISE) {
        if (likely(!word[4])) {
            arch_vcpu_raise(vcpu, REPLY_INTERRUPT_OF(flags));
        } else {
            commit_others(vcpu, flags, word);
        }
    }
    if (unlikely(flags & (REPLY_CLEAR | REPLY_INJECT | REPLY_START | REPLY_FENCE))) {
        commit_rare(vcpu, flags, word);
    }
}

// What becomes of the vCPU now: NULL when it does not run on.
static struct context *commit_resume(struct vcpu *vcpu, uint64_t flags) {
    if (unlikely(flags & REPLY_STOP)) {
        vcpu_stop(vcpu);
        return NULL;
    }
    vcpu->state = VCPU_RUNNABLE;
    if (unlikely(flags & REPLY_PARK)) {
        if (vcpu->features & VCPU_FEATURE_TIMER) {
            sched_wake(vcpu, arch_vcpu_own_deadline(vcpu));
        }
        if (!vcpu->due && !arch_vcpu_pending(vcpu)) {
            vcpu->state = VCPU_PARKED;
            return NULL;
        }
    }
    return &vcpu->context;
}

static enum status commit_exit(struct task *task, struct vcpu *vcpu, uint64_t flags,
                               const uint64_t *word, struct context **next) {
    enum exit_class class = MESSAGE_CLASS(vcpu->record.info);
    flags = commit_flags(flags);
    enum status status = commit_check(vcpu, &vcpu->route[class], flags, word);
    if (unlikely(status != STATUS_OK)) {
        return status;
    }
    if (flags & REPLY_MAP) {
        // The last thing that can fail, and repeating it does no harm.
        status = commit_map(vcpu, task, word);
        if (unlikely(status != STATUS_OK)) {
            return status;
        }
    }
    // The point of no return.
    if (unlikely(vcpu->tracing)) {
        vcpu->spent[class] += arch_instructions() - vcpu->trace_begin;
    }
    vcpu->record.portal = NULL;
    vcpu->record.server = NULL;
    commit_invoke(vcpu, flags, word);
    *next = commit_resume(vcpu, flags);
    return STATUS_OK;
}

// The owner of a record that is no exit gets its answer. Returns who can run now.
static struct context *commit_other(struct record *record, const uint64_t *word) {
    struct portal *portal = record->portal;
    struct task *caller;
    record->portal = NULL;
    record->server = NULL;
    switch ((enum record_owner)record->owner) {
    case RECORD_CALL:
        caller = container_of(record, struct task, call);
        caller->state = TASK_READY;
        arch_task_answer(caller, word);
        return &caller->context;
    case RECORD_SIGNAL:
        portal_signal_done(portal);
        return NULL;
    case RECORD_IRQ:
        irq_done(container_of(record, struct irq, record));
        return NULL;
    case RECORD_VCPU:
    case RECORD_FAULT:
        return NULL;
    }
    return NULL;
}

COLD static struct context *commit_refuse(struct task *task, enum status status) {
    arch_task_refuse(task, task->serving, status);
    return &task->context;
}

// Every kind of answer to every kind of record.
COLD static struct context *commit_reply_any(struct task *task, uint64_t flags,
                                             const uint64_t *word) {
    struct record *record = task->serving;
    struct context *next = NULL;
    if (!record) {
        // Nothing to answer (any more: a caller may have died): that is a wait.
        task_wait(task);
        return sched_next(task->context.cpu);
    }
    if (record->owner == RECORD_VCPU) {
        struct vcpu *vcpu = container_of(record, struct vcpu, record);
        enum status status = commit_exit(task, vcpu, flags, word, &next);
        if (status != STATUS_OK) {
            return commit_refuse(task, status);
        }
    } else {
        next = commit_other(record, word);
    }
    task_wait(task);
    return sched_choose(task->context.cpu, next);
}

// True when commit_reply can do what FLAGS say: only these effects, all of them allowed, on a vCPU
// that then simply goes on.
HOT static inline bool commit_is_simple(const struct vcpu *vcpu, const struct route *route,
                                        uint64_t flags, const uint64_t *word) {
    const uint64_t simple = REPLY_WRITE | REPLY_ADVANCE | REPLY_RAISE;
    if (!(flags & REPLY_FLAGS) || (flags & REPLY_EFFECTS & ~(simple & route->may))) {
        return false;
    }
    if ((flags & REPLY_WRITE) &&
        (REPLY_REGISTER_OF(flags) >= 32 || !(route->write_mask >> REPLY_REGISTER_OF(flags) & 1))) {
        return false;
    }
    if ((flags & REPLY_RAISE) && (word[4] || REPLY_INTERRUPT_OF(flags) >= INTERRUPT_COUNT)) {
        return false;
    }
    return !vcpu->tracing && !vcpu->due;
}

// The record was answered, the vCPU simply goes on, and the task waits: nothing is queued.
HOT static inline struct context *commit_done(struct task *task, struct vcpu *vcpu) {
    vcpu->record.portal = NULL;
    vcpu->record.server = NULL;
    vcpu->state = VCPU_RUNNABLE;
    task->serving = NULL;
    task->state = TASK_WAITING;
    task->portal->waiting = task;
    return &vcpu->context;
}

// MAP alone, the answer to a first touch.
COLD static struct context *commit_reply_map(struct task *task, struct vcpu *vcpu,
                                             const uint64_t *word) {
    enum status status = commit_map(vcpu, task, word);
    return likely(status == STATUS_OK) ? commit_done(task, vcpu) : commit_refuse(task, status);
}

struct context *commit_reply(struct task *task, uint64_t flags,
                             const uint64_t word[MESSAGE_WORDS]) {
    struct record *record = task->serving;
    const struct portal *portal = task->portal; // NULL: another is bound to it by now
    if (unlikely(!record || record->owner != RECORD_VCPU || !portal || portal->head ||
                 task->context.cpu->tasks.head)) {
        return commit_reply_any(task, flags, word);
    }
    struct vcpu *vcpu = container_of(record, struct vcpu, record);
    const struct route *route = &vcpu->route[MESSAGE_CLASS(record->info)];
    if (flags == (REPLY_FLAGS | REPLY_MAP) && (route->may & REPLY_MAP) && !vcpu->tracing &&
        !vcpu->due) {
        return commit_reply_map(task, vcpu, word);
    }
    if (unlikely(!commit_is_simple(vcpu, route, flags, word))) {
        return commit_reply_any(task, flags, word);
    }
    // The point of no return. What follows is what commit_reply_any does in these cases, without
    // the questions whose answers are known by now.
    if (flags & REPLY_WRITE) {
        regs_set(&vcpu->context.regs, REPLY_REGISTER_OF(flags), word[0]);
    }
    if (flags & REPLY_ADVANCE) {
        arch_vcpu_advance(vcpu, word[6]);
    }
    if (flags & REPLY_RAISE) {
        arch_vcpu_raise(vcpu, REPLY_INTERRUPT_OF(flags));
    }
    return commit_done(task, vcpu);
}
