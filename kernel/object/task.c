#include "kernel/object/task.h"

#include "arch/panic.h"
#include "arch/task.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/sched/sched.h"

void task_init(struct task *task, uint32_t pages, struct space *space, struct cpu *cpu) {
    uint64_t room = pages * PAGE_SIZE - sizeof(struct task) - sizeof(struct fp_regs);
    task->context.kind = CONTEXT_TASK;
    task->context.cpu = cpu;
    task->space = space;
    space->users++;
    task->call.owner = RECORD_CALL;
    task->fault.owner = RECORD_FAULT;
    task->fault.info = MESSAGE_INFO(EXIT_FAULT, 0, 0);
    task->cap_count = (uint32_t)(room / sizeof(struct cap));
    task->fp = (struct fp_regs *)((char *)task + pages * PAGE_SIZE - sizeof(struct fp_regs));
    arch_task_init(task);
}

void task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument) {
    arch_task_start(task, pc, sp, tp, argument);
    task->state = TASK_READY;
    sched_ready(&task->context);
}

void task_set_words(struct task *task, const uint64_t word[MESSAGE_WORDS]) {
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        regs_set_word(&task->context.regs, i, word[i]);
    }
}

void task_receive(struct task *task, struct record *record) {
    const uint64_t *word = record->word;
    if (record->owner == RECORD_VCPU && MESSAGE_CLASS(record->info) == EXIT_HYPERCALL) {
        word = regs_words(&container_of(record, struct vcpu, record)->context.regs);
    }
    record->server = task;
    task->serving = record;
    task->exit = NULL;
    task->state = TASK_READY;
    task_set_words(task, word);
    arch_task_arrive(task, record, record->info);
}

// Somebody waits for it already, or it has to wait for somebody, or it has no portal (any more).
COLD static void task_wait_slow(struct task *task, struct portal *portal) {
    struct portal *left = task->leaving;
    if (portal && !portal->held) {
        task_receive(task, portal_take(portal));
        sched_ready(&task->context);
    } else if (!portal && left) {
        task->leaving = NULL;
        portal_admit(left);
    }
}

HOT void task_wait(struct task *task) {
    struct portal *portal = task->portal;
    task->serving = NULL;
    task->exit = NULL;
    task->state = TASK_WAITING;
    if (likely(portal && !portal->held && !portal->head)) {
        portal->waiting = task;
    } else {
        task_wait_slow(task, portal);
    }
}

// It runs no more: what it served is pending again, and what it waits for is not waited for.
static void task_halt(struct task *task) {
    struct record *serving = task->serving;
    sched_remove(&task->context);
    task->exit = NULL;
    task->state = TASK_DEAD;
    portal_unbind(task); // before the record goes back there
    if (serving) {
        task->serving = NULL;
        portal_send_again(serving);
    }
    portal_cancel(&task->call);
}

void task_die(struct task *task, enum fault cause, uint64_t detail, uint64_t address) {
    struct record *serving = task->serving;
    struct record *fault = &task->fault;
    // Where it would have gone on.
    uint64_t pc = task->state == TASK_WAITING ? task->receive_pc : regs_pc(&task->context.regs);
    if (serving && MESSAGE_ATTEMPT(serving->info) < 255) {
        serving->info += MESSAGE_ONE_ATTEMPT;
    }
    fault->word[FAULT_WORD_CAUSE] = cause;
    fault->word[FAULT_WORD_DETAIL] = detail;
    fault->word[FAULT_WORD_PC] = pc;
    fault->word[FAULT_WORD_ADDRESS] = address;
    fault->word[FAULT_WORD_INFO] = serving ? serving->info : UINT64_MAX;
    fault->word[FAULT_WORD_SEQ] = serving ? serving->seq : 0;
    fault->word[FAULT_WORD_BADGE] = serving ? serving->badge : 0;
    fault->word[FAULT_WORD_ATTEMPT] = serving ? MESSAGE_ATTEMPT(serving->info) : 0;
    task_halt(task);
    if (task->is_init) {
        arch_machine_end(cause != FAULT_EXIT || detail != 0);
    }
    if (task->fault_route.portal && !fault->portal) {
        fault->seq++;
        fault->badge = task->fault_route.badge;
        portal_post(task->fault_route.portal, fault);
    }
}

void task_end(struct task *task) {
    if (task->state != TASK_DEAD) {
        task_halt(task); // that is no death: whoever ends it knows, and the record is not to blame
    }
    portal_cancel(&task->fault);
    task->space->users--;
    arch_task_end(task);
}
