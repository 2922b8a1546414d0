#include "arch/task.h"

#include "arch/fake/core/machine.h"
#include "arch/space.h"
#include "kernel/object/space.h"

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

void arch_task_arrive(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->pc = task->receive_pc;
    regs->sp = task->receive_sp;
    regs->tp = task->receive_tp;
    regs->status = info;
    regs->selector = record->pc;
    regs->seq = record->seq;
    regs->badge = record->badge;
}

void arch_task_end(struct task *task) {
    if (machine.cpu->fp == &task->context) {
        machine.cpu->fp = NULL;
    }
}
