#include "arch/task.h"

#include "arch/fake/core/machine.h"
#include "arch/space.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"

void arch_task_init(struct task *task) {
    task->translation = arch_virt_to_phys(task->space->root).v;
}

void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument) {
    struct regs *regs = &task->context.regs;
    regs->pc = pc;
    regs->sp = sp;
    regs->tp = tp;
    regs->general[0] = argument;
}

static void task_receive_registers(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->pc = task->receive_pc;
    regs->sp = task->receive_sp;
    regs->tp = task->receive_tp;
    regs->status = info;
    regs->selector = record->pc;
    regs->seq = record->seq;
    regs->badge = record->badge;
}

void arch_task_receive(struct task *task, const struct record *record) {
    const uint64_t *from = record->word;
    if (record->owner == RECORD_VCPU && MESSAGE_CLASS(record->info) == EXIT_HYPERCALL) {
        from = regs_words(&container_of(record, struct vcpu, record)->context.regs);
    }
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        task->context.regs.general[i] = from[i];
    }
    task_receive_registers(task, record, record->info);
}

void arch_task_refuse(struct task *task, const struct record *record, enum status status) {
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        task->context.regs.general[i] = i ? 0 : status;
    }
    task_receive_registers(task, record, (record->info & ~0xffull) | EXIT_REFUSED);
}

void arch_task_answer(struct task *task, const uint64_t word[MESSAGE_WORDS]) {
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        task->context.regs.general[i] = word[i];
    }
    task->context.regs.status = STATUS_OK;
}

void arch_task_end(struct task *task) {
    if (machine.cpu->fp == &task->context) {
        machine.cpu->fp = NULL;
    }
}
