#include "arch/fake/core/trap.h"

#include "arch/fake/core/machine.h"
#include "arch/fake/core/vcpu.h"
#include "arch/panic.h"
#include "arch/task.h"
#include "arch/time.h"
#include "kernel/exit/commit.h"
#include "kernel/exit/forward.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscall.h"

// What a task with that right may read of a guest while it runs.
static void trap_show_guest(struct task *task) {
    machine.guest_memory = NULL;
    if (task->guest_right && task->serving && task->serving->owner == RECORD_VCPU) {
        struct vcpu *vcpu = container_of(task->serving, struct vcpu, record);
        vcpu_load(vcpu);
        machine.guest_memory = vcpu->space;
    }
}

// A record is handed over: its server finds it at its receive entry, and nothing else in any
// register.
static void trap_arrive(struct task *task, const struct record *record, const uint64_t *words) {
    struct regs regs = {
        .pc = task->receive_pc,
        .sp = task->receive_sp,
        .tp = task->receive_tp,
        .status = record->info,
        .selector = record->pc,
        .seq = record->seq,
        .badge = record->badge,
    };
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        regs.general[i] = words[i];
    }
    machine.regs = regs;
}

static struct context *trap_leave(struct context *next) {
    machine.current = next;
    if (!next) {
        return NULL;
    }
    machine_require(!next->queued, "what runs stands in a run queue");
    if (next->kind == CONTEXT_VCPU) {
        vcpu_load(vcpu_of(next));
        machine.cpu->fp = next;
        machine.guest_memory = NULL;
    } else {
        machine.root = task_of(next)->translation;
        trap_show_guest(task_of(next));
    }
    if (next->kind == CONTEXT_TASK && task_of(next)->arriving) {
        struct task *task = task_of(next);
        trap_arrive(task, task->serving, task->arriving);
        task->arriving = NULL;
        return next;
    }
    machine.regs = next->regs;
    return next;
}

struct context *trap_begin(struct context *next) { return trap_leave(next); }

// Everything is saved: a trap that nobody expected.
static struct context *trap_enter(void) {
    struct context *current = machine.current;
    machine_require(current, "a trap while the CPU sleeps");
    current->regs = machine.regs;
    return current;
}

static bool trap_fast_call(struct vcpu *vcpu) {
    struct cpu *cpu = machine.cpu;
    struct portal *portal = vcpu->fast_portal;
    if (!machine.fast || !portal || !portal->waiting) {
        return false;
    }
    // As vector.S of riscv64: nothing is written down but the sequence number and cpu->fast.
    struct task *task = portal->waiting;
    cpu->fast = vcpu;
    vcpu->record.seq++;
    machine.fast_calls++;
    machine.current = &task->context;
    machine.root = task->translation;
    const struct record record = {
        .info = vcpu->fast_info,
        .pc = regs_pc(&vcpu->context.regs),
        .seq = vcpu->record.seq,
        .badge = vcpu->fast_badge,
    };
    trap_arrive(task, &record, regs_words(&vcpu->context.regs));
    return true;
}

// True when the answer went the shortest way.
static bool trap_fast_answer(uint64_t number, uint64_t flags) {
    struct cpu *cpu = machine.cpu;
    struct vcpu *vcpu = cpu->fast;
    if (number != SYSCALL_REPLY_WAIT || !vcpu) {
        return false;
    }
    if (flags == REPLY_HYPERCALL_DEADLINE) {
        if (machine.regs.general[2] < cpu->next_event) {
            return false;
        }
        vcpu->deadline = machine.regs.general[2];
        machine.guest.pending &= ~(1ull << INTERRUPT_TIMER);
    } else if (flags != REPLY_HYPERCALL) {
        return false;
    }
    machine_require(cpu->loaded == vcpu, "an answer to a guest that is not loaded");
    uint64_t result0 = machine.regs.general[0];
    uint64_t result1 = machine.regs.general[1];
    cpu->fast = NULL;
    machine.fast_answers++;
    machine.current = &vcpu->context;
    machine.regs = vcpu->context.regs;
    machine.regs.general[0] = result0;
    machine.regs.general[1] = result1;
    machine.regs.pc += MACHINE_INSTRUCTION;
    return true;
}

// The same for the answer to a call.
static bool trap_fast_reply(struct task *task, uint64_t number, uint64_t flags) {
    struct record *record = task->serving;
    struct portal *portal = task->portal;
    if (!machine.fast || number != SYSCALL_REPLY_WAIT || flags || machine.cpu->fast || !record ||
        record->owner != RECORD_CALL || !portal || portal->head || portal->lost) {
        return false;
    }
    struct task *caller = container_of(record, struct task, call);
    if (caller->guest_right) {
        return false;
    }
    record->portal = NULL;
    record->server = NULL;
    task->serving = NULL;
    task->state = TASK_WAITING;
    portal->waiting = task;
    caller->state = TASK_READY;
    task_set_words(caller, machine.regs.general);
    regs_set_status(&caller->context.regs, STATUS_OK);
    machine.fast_replies++;
    (void)trap_leave(&caller->context);
    return true;
}

// Saves the words of TASK's system call; an answer needs no more.
static struct regs *trap_save_words(struct task *task) {
    struct regs *saved = &task->context.regs;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        saved->general[i] = machine.regs.general[i];
    }
    return saved;
}

// Saves what a system call is to keep; general registers beyond the words are not.
static void trap_save_call(struct task *task) {
    struct regs *saved = trap_save_words(task);
    saved->pc = machine.regs.pc + MACHINE_INSTRUCTION;
    saved->sp = machine.regs.sp;
    saved->tp = machine.regs.tp;
}

// The answer to an exit by effects, whose words stay in registers.
static struct context *trap_effects(struct task *task, uint64_t flags) {
    const uint64_t *word = machine.regs.general;
    task->context.regs.general[1] = word[1];
    return commit_effects(task, flags, word[2], word[3], word[4], word[5], word[6], word[0]);
}

static struct context *trap_call_core(struct task *task, uint64_t number) {
    uint64_t selector = machine.regs.selector;
    switch (number) {
    case SYSCALL_REPLY_WAIT:
        if (machine.fast && selector != REPLY_HYPERCALL && selector != REPLY_HYPERCALL_DEADLINE) {
            return trap_effects(task, selector);
        }
        trap_save_words(task);
        forward_settle(machine.cpu);
        return commit_reply(task, selector, regs_words(&task->context.regs));
    case SYSCALL_CALL:
        trap_save_call(task);
        return syscall_call(task, selector);
    default:
        trap_save_call(task);
        task->context.regs.selector = selector;
        return syscall_enter(task, number);
    }
}

struct context *trap_syscall(uint64_t number) {
    struct context *context = machine.current;
    machine_require(context && context->kind == CONTEXT_TASK, "a system call of no task");
    if (trap_fast_answer(number, machine.regs.selector) ||
        trap_fast_reply(task_of(context), number, machine.regs.selector)) {
        return machine.current;
    }
    struct context *next = trap_call_core(task_of(context), number);
    if (!next || !next->quick) {
        return trap_leave(next);
    }
    machine_require(next == context, "another task returns from this one's system call");
    next->quick = false;
    struct regs *regs = &next->regs;
    for (unsigned i = MESSAGE_WORDS; i < REGS_GENERAL; i++) {
        regs->general[i] = machine.regs.general[i];
    }
    machine.regs = *regs;
    return next;
}

struct context *trap_hypercall(void) {
    struct context *context = trap_enter();
    machine_require(context->kind == CONTEXT_VCPU, "a hypercall of no guest");
    if (!machine.regs.user && trap_fast_call(vcpu_of(context))) {
        return machine.current;
    }
    return trap_leave(forward_exit(vcpu_of(context), EXIT_HYPERCALL, !machine.regs.user));
}

struct context *trap_exit(enum exit_class c, const uint64_t *word, unsigned words) {
    struct context *context = trap_enter();
    machine_require(context->kind == CONTEXT_VCPU, "an exit of no guest");
    struct vcpu *vcpu = vcpu_of(context);
    for (unsigned i = 0; i < words; i++) {
        vcpu->record.word[i] = word[i];
    }
    return trap_leave(forward_exit(vcpu, c, !machine.regs.user));
}

struct context *trap_fault(enum fault cause, uint64_t detail, uint64_t address) {
    struct context *context = trap_enter();
    machine_require(context->kind == CONTEXT_TASK, "a fault of no task");
    struct task *task = task_of(context);
    forward_settle(machine.cpu);
    if (task->fixup.begin <= context->regs.pc && context->regs.pc < task->fixup.end) {
        context->regs.pc = task->fixup.resume;
        return trap_leave(context);
    }
    task_die(task, cause, detail, address);
    return trap_leave(sched_next(machine.cpu));
}

struct context *trap_timer(void) {
    struct context *current = machine.current;
    if (current) {
        trap_enter();
    }
    struct cpu *cpu = machine.cpu;
    struct vcpu *alone = cpu->alone;
    forward_settle(cpu);
    if (!machine.fast) {
        cpu->alone = NULL; // without it the short way is not taken
    }
    struct context *next = sched_timer(cpu, current);
    cpu->alone = alone;
    return trap_leave(next);
}

struct context *trap_interrupt(void) {
    struct cpu *cpu = machine.cpu;
    struct context *current = machine.current;
    for (unsigned i = 0; i < IRQ_LINES; i++) {
        struct machine_line *line = &machine.line[i];
        if (!line->asserted || !line->enabled || line->taken) {
            continue;
        }
        if (current) {
            trap_enter();
        }
        forward_settle(cpu);
        line->asserted = false;
        line->taken = true;
        machine_require(cpu->irq[i], "a line is enabled that has no object");
        irq_fire(cpu->irq[i]);
        return trap_leave(sched_choose(cpu, current));
    }
    return current;
}

struct context *trap_switch(struct context *to) {
    struct context *current = machine.current;
    machine_require(to->queued, "a switch to what is not ready");
    if (current) {
        trap_enter();
        forward_settle(machine.cpu);
        sched_ready(current);
    }
    sched_remove(to);
    if (to->kind == CONTEXT_VCPU) {
        vcpu_of(to)->preempted = false;
    }
    return trap_leave(to);
}
