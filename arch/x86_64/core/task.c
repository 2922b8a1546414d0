#include "arch/task.h"

#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/fp.h"
#include "arch/x86_64/core/tables.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"

void arch_task_init(struct task *task) {
    fp_reset(task->fp);
    task->translation = arch_virt_to_phys(task->space->root).v + PAGE_SIZE;
    task->context.regs.cs = TABLES_TASK_CODE;
    task->context.regs.ss = TABLES_TASK_DATA;
    task->context.regs.flags = RFLAGS_ONE | RFLAGS_INTERRUPTS;
}

// The nearest address that has 48 bits, sign-extended: others trap in the core, not in the task,
// when they are put into registers (APM volume 2, 5.3.1). Nothing can be there, so the task traps
// at once.
static uint64_t task_canonical(uint64_t address) {
    return (uint64_t)((int64_t)(address << 16) >> 16);
}

void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument) {
    struct regs *regs = &task->context.regs;
    regs->pc = task_canonical(pc);
    regs->sp = sp;
    regs->tp = task_canonical(tp);
    regs->x[REG_RDI] = argument;
}

// The thread pointer that the task named for its records is not used: FS.base stays what the task
// itself made it.
void arch_task_arrive(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->pc = task_canonical(task->receive_pc);
    regs->sp = task->receive_sp;
    regs->x[REG_INFO] = info;
    regs->x[REG_PC] = record->pc;
    regs->x[REG_SEQ] = record->seq;
    regs->x[REG_BADGE] = record->badge;
}

void arch_task_end(struct task *task) { fp_forget(&task->context); }
