// Two ways lead through here; the functions that each is made of stand before it.
//
// commit_reply is the long one, for whatever was answered: commit_exit (checks, then MAP, which may
// fail, then all other effects, then what becomes of the vCPU) or commit_other.
// commit_effects is the short one, for the few effects of most exits. It does the same or, at its
// first doubt and before it has changed anything, leaves all to the long one.
#include "kernel/exit/commit.h"

#include "arch/irq.h"
#include "arch/task.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/exit/forward.h"
#include "kernel/mem/pagetable.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/sched/sched.h"

// What a reply's flags say beside the mark and the numbers.
#define REPLY_EFFECTS 0x7fffffffu

// The two short forms, spelled out. What is no form at all becomes 0, which commit_check refuses.
static uint64_t commit_flags(uint64_t flags) {
    if (likely(flags & REPLY_FLAGS)) {
        return flags;
    }
    const uint64_t answer = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
    return flags == REPLY_HYPERCALL            ? answer
           : flags == REPLY_HYPERCALL_DEADLINE ? answer | REPLY_DEADLINE
                                               : 0;
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

// Maps what MAPPING (REPLY_MAPPING) says, from OFFSET in the frame on, at ADDRESS.
HOT static inline enum status commit_map(struct vcpu *vcpu, const struct task *task,
                                         space_addr_t address, uint64_t mapping, uint64_t offset) {
    unsigned bits = REPLY_MAPPING_BITS(mapping);
    unsigned rights = REPLY_MAPPING_RIGHTS(mapping);
    enum status status = STATUS_OK;
    const struct cap *frame =
        cap_find(task, REPLY_MAPPING_SLOT(mapping), OBJECT_FRAME, rights, &status);
    if (unlikely(!frame)) {
        return status;
    }
    if (unlikely(bits != 12 && bits != 21 && bits != 30)) {
        return STATUS_INVALID;
    }
    if (unlikely(!range_within(offset, 1ull << bits, frame->size))) {
        return STATUS_RANGE;
    }
    hpa_t target = HPA(frame->base + offset);
    status = pagetable_map(vcpu->space, address, target, bits, rights);
    if (unlikely(status == STATUS_EXISTS)) {
        return commit_map_again(vcpu, address, target, bits, rights);
    }
    return status;
}

static inline bool commit_may_write(const struct route *route, uint32_t reg) {
    return reg < 32 && (route->write_mask >> reg & 1);
}

// What can be wrong with effects that are rare.
COLD static enum status commit_check_rare(const struct vcpu *vcpu, const struct route *route,
                                          uint64_t flags, const uint64_t *word) {
    if ((flags & REPLY_WRITE_SECOND) && !commit_may_write(route, REPLY_SECOND_OF(flags))) {
        return STATUS_DENIED;
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

// Everything that can be wrong with a reply, but for MAP.
static enum status commit_check(const struct vcpu *vcpu, const struct route *route, uint64_t flags,
                                const uint64_t *word) {
    if (unlikely(!(flags & REPLY_FLAGS))) {
        return STATUS_INVALID;
    }
    if (unlikely(flags & REPLY_EFFECTS & ~(uint64_t)route->may)) {
        return STATUS_DENIED;
    }
    if ((flags & REPLY_WRITE) && !commit_may_write(route, REPLY_REGISTER_OF(flags))) {
        return STATUS_DENIED;
    }
    if ((flags & (REPLY_RAISE | REPLY_CLEAR)) && REPLY_INTERRUPT_OF(flags) >= INTERRUPT_COUNT) {
        return STATUS_INVALID;
    }
    if (unlikely(flags & (REPLY_WRITE_SECOND | REPLY_START))) {
        return commit_check_rare(vcpu, route, flags, word);
    }
    return STATUS_OK;
}

// Effects on other vCPUs of the VM.
COLD static void commit_others(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    for (uint64_t mask = word[4]; mask; mask &= mask - 1) {
        struct vcpu *target = commit_target(vcpu, (uint64_t)__builtin_ctzll(mask));
        if (target && (flags & REPLY_FENCE)) {
            arch_vcpu_fence(target);
        }
        if (target && (flags & REPLY_RAISE)) {
            arch_vcpu_raise(target, REPLY_INTERRUPT_OF(flags), false);
            vcpu_unpark(target);
        }
    }
}

#define REPLY_RARE (REPLY_CLEAR | REPLY_WRITE_SECOND | REPLY_INJECT | REPLY_START | REPLY_FENCE)

// Effects that are rare. Cannot fail.
COLD static void commit_rare(struct vcpu *vcpu, uint64_t flags, const uint64_t *word) {
    if (flags & REPLY_CLEAR) {
        arch_vcpu_clear(vcpu, REPLY_INTERRUPT_OF(flags));
    }
    if (flags & REPLY_WRITE_SECOND) {
        regs_set(&vcpu->context.regs, REPLY_SECOND_OF(flags), word[1]);
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
            arch_vcpu_raise(vcpu, REPLY_INTERRUPT_OF(flags), false);
        } else {
            commit_others(vcpu, flags, word);
        }
    }
    if (unlikely(flags & REPLY_RARE)) {
        commit_rare(vcpu, flags, word);
    }
}

// What becomes of the vCPU now: NULL when it does not run on.
static struct context *commit_resume(struct vcpu *vcpu, uint64_t flags) {
    if (unlikely(flags & REPLY_STOP)) {
        vcpu_stop(vcpu);
        return NULL;
    }
    if (unlikely(flags & REPLY_PARK)) {
        if (vcpu->features & VCPU_FEATURE_TIMER) {
            sched_wake(vcpu, arch_vcpu_own_deadline(vcpu));
        }
        vcpu->due &= (uint8_t)~DUE_TURN; // it gives its turn up itself, though an interrupt may be
                                         // there already
        vcpu->state = VCPU_PARKED;
        vcpu_look_again(vcpu);
        return NULL;
    }
    vcpu->state = VCPU_RUNNABLE;
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
        status = commit_map(vcpu, task, SPACE_ADDR(word[2]), word[3], word[5]);
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
    record->portal = NULL;
    record->server = NULL;
    record->info &= ~(255 * MESSAGE_ONE_ATTEMPT); // the next one is another
    if (record->owner == RECORD_CALL) {
        struct task *caller = container_of(record, struct task, call);
        caller->state = TASK_READY;
        task_set_words(caller, word);
        regs_set_status(&caller->context.regs, STATUS_OK);
        return &caller->context;
    }
    if (record->owner == RECORD_SIGNAL) {
        portal_signal_done(portal);
    } else if (record->owner == RECORD_IRQ) {
        arch_irq_complete(container_of(record, struct irq, record));
    }
    return NULL;
}

COLD static struct context *commit_refuse(struct task *task, enum status status) {
    const uint64_t word[MESSAGE_WORDS] = {status};
    task_set_words(task, word);
    arch_task_arrive(task, task->serving, (task->serving->info & ~0xffull) | EXIT_REFUSED);
    return &task->context;
}

struct context *commit_reply(struct task *task, uint64_t flags,
                             const uint64_t word[MESSAGE_WORDS]) {
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
    if (task->portal && unlikely(task->portal->lost)) {
        portal_found(task->portal);
    }
    task_wait(task);
    return sched_choose(task->context.cpu, next);
}

// The answer takes the long way after all.
COLD static struct context *commit_effects_long(struct task *task, uint64_t flags, uint64_t word2,
                                                uint64_t word3, uint64_t word4, uint64_t word5,
                                                uint64_t word6, uint64_t word0) {
    const uint64_t word[MESSAGE_WORDS] = {
        word0, regs_word(&task->context.regs, 1), word2, word3, word4, word5, word6, 0};
    forward_settle(task->context.cpu);
    return commit_reply(task, flags, word);
}

// The record was answered, the vCPU simply goes on, and the task waits: nothing is queued.
HOT static inline struct context *commit_done(struct task *task, struct vcpu *vcpu,
                                              struct portal *portal) {
    vcpu->record.portal = NULL;
    vcpu->record.server = NULL;
    vcpu->state = VCPU_RUNNABLE;
    task->serving = NULL;
    task->exit = NULL;
    task->state = TASK_WAITING;
    portal->waiting = task;
    return &vcpu->context;
}

// MAP alone, the answer to a first touch.
COLD static struct context *commit_effects_map(struct task *task, struct vcpu *vcpu,
                                               uint64_t address, uint64_t mapping,
                                               uint64_t offset) {
    enum status status = commit_map(vcpu, task, SPACE_ADDR(address), mapping, offset);
    return likely(status == STATUS_OK) ? commit_done(task, vcpu, task->portal)
                                       : commit_refuse(task, status);
}

// What commit_reply does, for answers with few and simple effects to an exit that was handed over:
// the questions whose answers are known then are not asked. Nothing in it is called and comes back.
struct context *commit_effects(struct task *task, uint64_t flags, uint64_t word2, uint64_t word3,
                               uint64_t word4, uint64_t word5, uint64_t word6, uint64_t word0) {
    struct vcpu *vcpu = task->exit;
    struct portal *portal = task->portal;
    if (unlikely(!vcpu || portal->head || task->context.cpu->tasks.head || vcpu->detained)) {
        return commit_effects_long(task, flags, word2, word3, word4, word5, word6, word0);
    }
    const struct route *route = vcpu->taken;
    // Nothing but simple effects that the route allows, under the mark REPLY_FLAGS: the sign bit.
    if (unlikely(((uint32_t)flags & ~route->simple) || (int32_t)flags >= 0)) {
        return commit_effects_long(task, flags, word2, word3, word4, word5, word6, word0);
    }
    if (flags & REPLY_WRITE) {
        uint32_t reg = REPLY_REGISTER_OF(flags);
        if (unlikely(!commit_may_write(route, reg) || (flags & (REPLY_RAISE | REPLY_MAP)))) {
            return commit_effects_long(task, flags, word2, word3, word4, word5, word6, word0);
        }
        // The point of no return, here and below.
        regs_set(&vcpu->context.regs, reg, word0);
    } else if (flags & REPLY_RAISE) {
        uint32_t interrupt = REPLY_INTERRUPT_OF(flags);
        if (unlikely(word4 || interrupt >= INTERRUPT_COUNT || (flags & REPLY_MAP) ||
                     !arch_vcpu_raise(vcpu, interrupt, true))) {
            return commit_effects_long(task, flags, word2, word3, word4, word5, word6, word0);
        }
    } else if (flags & REPLY_MAP) {
        if (unlikely(flags & REPLY_ADVANCE)) {
            return commit_effects_long(task, flags, word2, word3, word4, word5, word6, word0);
        }
        return commit_effects_map(task, vcpu, word2, word3, word5);
    }
    if (flags & REPLY_ADVANCE) {
        arch_vcpu_advance(vcpu, word6);
    }
    return commit_done(task, vcpu, portal);
}
