#include "arch/task.h"

#include "arch/aarch64/core/fp.h"
#include "arch/aarch64/core/sysreg.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"

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

static void task_receive_registers(struct task *task, const struct record *record, uint64_t info) {
    struct regs *regs = &task->context.regs;
    regs->pc = task->receive_pc;
    regs->sp = task->receive_sp;
    regs->tp = task->receive_tp;
    regs->x[REG_INFO] = info;
    regs->x[REG_PC] = record->pc;
    regs->x[REG_SEQ] = record->seq;
    regs->x[REG_BADGE] = record->badge;
}

void arch_task_receive(struct task *task, const struct record *record) {
    uint64_t *to = task->context.regs.x;
    const uint64_t *from = record->word;
    if (record->owner == RECORD_VCPU && MESSAGE_CLASS(record->info) == EXIT_HYPERCALL) {
        from = container_of(record, struct vcpu, record)->context.regs.x;
    }
    for (int i = 0; i < MESSAGE_WORDS; i++) {
        to[i] = from[i];
    }
    task_receive_registers(task, record, record->info);
}

void arch_task_refuse(struct task *task, const struct record *record, enum status status) {
    uint64_t *to = task->context.regs.x;
    to[0] = status;
    for (int i = 1; i < MESSAGE_WORDS; i++) {
        to[i] = 0;
    }
    task_receive_registers(task, record, (record->info & ~0xffull) | EXIT_REFUSED);
}

void arch_task_answer(struct task *task, const uint64_t word[MESSAGE_WORDS]) {
    for (int i = 0; i < MESSAGE_WORDS; i++) {
        task->context.regs.x[i] = word[i];
    }
    task->context.regs.x[REG_NUMBER] = STATUS_OK;
}

void arch_task_end(struct task *task) { fp_forget(&task->context); }
