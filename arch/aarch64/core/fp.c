#include "arch/aarch64/core/fp.h"

#include "arch/aarch64/core/sysreg.h"
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
    if (cpu->fp != context) {
        sysreg_write(cptr_el2, CPTR_FP_FREE);
        sysreg_sync();
        cpu->ready = &cpu->core;
        if (cpu->fp) {
            fp_save(fp_of(cpu->fp));
        }
        fp_restore(fp_of(context));
        cpu->fp = context;
    }
    // For a task, the trap vector allows them when it enters it.
    sysreg_write(cptr_el2, CPTR_FP_TASKS_TRAP);
}

void fp_forget(struct context *context) {
    if (context->cpu->fp == context) {
        context->cpu->fp = NULL;
        context->cpu->ready = &context->cpu->core;
    }
}
