#include "arch/task.h"

#include "arch/aarch64/core/fp.h"
#include "arch/aarch64/core/sysreg.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"

void arch_task_init(struct task *task) {
    task->translation = (uint64_t)task->space->id << 48 | arch_virt_to_phys(task->space->root).v;
}

void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument) {
    asm volatile("dsb ish\n ic iallu\n dsb ish\n isb" ::: "memory"); // its code was written as data
    struct regs *regs = &task->context.regs;
    regs->pc = pc;
    regs->sp = sp;
    regs->tp = tp;
    regs->x[0] = argument;
}

void arch_task_arrive(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->pc = task->receive_pc;
    regs->sp = task->receive_sp;
    regs->tp = task->receive_tp;
    regs->x[REG_INFO] = info;
    regs->x[REG_PC] = record->pc;
    regs->x[REG_SEQ] = record->seq;
    regs->x[REG_BADGE] = record->badge;
}

void arch_task_end(struct task *task) { fp_forget(&task->context); }
