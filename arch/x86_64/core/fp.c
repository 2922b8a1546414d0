#include "arch/x86_64/core/fp.h"

#include "arch/x86_64/core/cpu.h"
#include "kernel/cpu.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// The control words' places in the image of FXSAVE64, and their values after a reset.
#define IMAGE_FCW 0
#define IMAGE_MXCSR 24
#define FCW_RESET 0x037fu
#define MXCSR_RESET 0x1f80u

static struct fp_regs *fp_of(struct context *context) {
    return context->kind == CONTEXT_TASK ? task_of(context)->fp : &vcpu_of(context)->fp;
}

void fp_reset(struct fp_regs *regs) {
    *regs = (struct fp_regs){0};
    *(uint16_t *)&regs->image[IMAGE_FCW] = FCW_RESET;
    *(uint32_t *)&regs->image[IMAGE_MXCSR] = MXCSR_RESET;
}

static const int32_t fp_nobody;

void fp_take(struct cpu *cpu, struct context *context) {
    if (cpu->fp != context) {
        asm volatile("clts" ::: "memory");
        cpu->ready = &cpu->core;
        if (cpu->fp) {
            asm volatile("fxsave64 %0" : "=m"(*fp_of(cpu->fp)));
        }
        // The addresses of the last x87 instruction are loaded only with an exception that is
        // pending (APM volume 2, 11.4.4): so nobody's are left.
        asm volatile("fnclex\n emms\n fildl %1\n fxrstor64 %0" ::"m"(*fp_of(context)),
                     "m"(fp_nobody));
        cpu->fp = context;
    }
    // For a task, the vectors allow them when they enter it.
    cpu_write(cr0, cpu_read(cr0) | CR0_TASK_SWITCHED);
}

void fp_forget(struct context *context) {
    if (context->cpu->fp == context) {
        context->cpu->fp = NULL;
        context->cpu->ready = &context->cpu->core;
    }
}
