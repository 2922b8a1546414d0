#include "arch/task.h"

#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/fp.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"

void arch_task_init(struct task *task) {
    task->translation = SATP_SV39 | (uint64_t)task->space->id << 44 |
                        arch_virt_to_phys(task->space->root).v >> PAGE_BITS;
    task->context.regs.sstatus = SSTATUS_UXL_64;
    task->context.regs.hstatus = HSTATUS_VSXL_64 | HSTATUS_VTW;
}

void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument) {
    asm volatile("fence.i"); // its code was written as data
    struct regs *regs = &task->context.regs;
    regs->x[0] = pc;
    regs->x[REG_SP] = sp;
    regs->x[REG_TP] = tp;
    regs->x[REG_A0] = argument;
}

void arch_task_arrive(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->x[0] = task->receive_pc;
    regs->x[REG_SP] = task->receive_sp;
    regs->x[REG_TP] = task->receive_tp;
    regs->x[REG_T0] = info;
    regs->x[REG_T1] = record->pc;
    regs->x[REG_T2] = record->seq;
    regs->x[REG_T3] = record->badge;
}

void arch_task_end(struct task *task) { fp_forget(&task->context); }
