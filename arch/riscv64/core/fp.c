#include "arch/riscv64/core/fp.h"

#include "arch/riscv64/core/csr.h"
#include "kernel/cpu.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// In fp_registers.S: the core is compiled without floating point.
void fp_save(struct fp_regs *regs);
void fp_restore(const struct fp_regs *regs);

static struct fp_regs *fp_of(struct context *context) {
    return context->kind == CONTEXT_TASK ? task_of(context)->fp : &vcpu_of(context)->fp;
}

void fp_take(struct cpu *cpu, struct context *context) {
    if (cpu->fp == context) {
        return;
    }
    csr_set(sstatus, SSTATUS_FS);
    cpu->ready = &cpu->core;
    if (cpu->fp) {
        fp_save(fp_of(cpu->fp));
        if (cpu->fp->kind == CONTEXT_TASK) {
            cpu->fp->regs.sstatus &= ~(uint64_t)SSTATUS_FS;
        }
    }
    fp_restore(fp_of(context));
    cpu->fp = context;
}

void fp_forget(struct context *context) {
    if (context->cpu->fp == context) {
        context->cpu->fp = NULL;
        context->cpu->ready = &context->cpu->core;
    }
}
