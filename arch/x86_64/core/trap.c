// Every way into the core but the shortest (vector.S): classify, hand on, and prepare whoever is to
// run next.
#include "arch/x86_64/core/trap.h"

#include "arch/irq.h"
#include "arch/panic.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "arch/x86_64/core/apic.h"
#include "arch/x86_64/core/boot.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/fetch.h"
#include "arch/x86_64/core/fp.h"
#include "arch/x86_64/core/interrupt.h"
#include "arch/x86_64/core/ports.h"
#include "arch/x86_64/core/vcpu.h"
#include "arch/x86_64/core/vmcb.h"
#include "ipc/fault.h"
#include "kernel/cpu.h"
#include "kernel/exit/commit.h"
#include "kernel/exit/forward.h"
#include "kernel/object/irq.h"
#include "kernel/sched/sched.h"

#define VECTOR_NMI 2u
#define VECTOR_BREAKPOINT 3u
#define VECTOR_UNDEFINED 6u
#define VECTOR_NO_FP 7u
#define VECTOR_STACK 12u
#define VECTOR_PROTECTION 13u
#define VECTOR_EXTERNAL 32u // from here on interrupts

// In vector.S: the vector of an interrupt that came while the core let it.
extern uint32_t vector_taken;

static struct context *trap_device(struct cpu *cpu, uint32_t line, struct context *current) {
    struct irq *irq = line < IRQ_LINES ? cpu->irq[line] : NULL;
    if (irq) {
        arch_irq_disable(irq); // before the interrupt is ended: a level would come again
        irq_fire(irq);
    }
    apic_end();
    return sched_choose(cpu, current);
}

static struct context *trap_interrupt(struct cpu *cpu, uint32_t vector, struct context *current) {
    if (vector == APIC_SPURIOUS || vector < APIC_LINES) {
        return sched_choose(cpu, current); // nothing that would have to be ended
    }
    if (vector != APIC_TIMER) {
        return trap_device(cpu, vector - APIC_LINES, current);
    }
    apic_end();
    return sched_timer(cpu, current);
}

static struct context *trap_nested_fault(struct vcpu *vcpu, uint32_t mode) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t *word = vcpu->record.word;
    uint64_t how = vmcb->exit_info1;
    word[0] = vmcb->exit_info2;
    word[1] = (how & VMCB_FAULT_WALK    ? ACCESS_WALK | (how & VMCB_FAULT_WRITE ? ACCESS_WRITE : 0)
               : how & VMCB_FAULT_FETCH ? ACCESS_EXECUTE
               : how & VMCB_FAULT_WRITE ? ACCESS_WRITE
                                        : ACCESS_READ);
    word[2] = (uint64_t)vmcb->cs.attributes << 32 | (uint32_t)vmcb->cs.base;
    word[3] = 0;
    return forward_exit(vcpu, EXIT_STAGE2, mode);
}

static struct context *trap_io(struct vcpu *vcpu, uint32_t mode) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->record.word[0] = vmcb->exit_info1;
    vcpu->record.word[1] = vcpu->context.regs.x[REG_VCPU_RAX];
    vcpu->record.word[2] = vmcb->exit_info2 - vmcb->rip; // the instruction's length
    return forward_exit(vcpu, EXIT_IO, mode);
}

static struct context *trap_instruction(struct vcpu *vcpu, uint64_t code, uint32_t mode) {
    fetch_prefixes(vcpu);
    const struct regs *regs = &vcpu->context.regs;
    uint64_t *word = vcpu->record.word;
    uint64_t write = code == VMCB_EXIT_MSR ? vmcb_of(vcpu)->exit_info1 & 1 : 0;
    word[0] = code | write << 32;
    word[1] = (uint32_t)regs->x[REG_RCX];
    word[2] = regs->x[REG_RDX] << 32 | (uint32_t)regs->x[REG_VCPU_RAX];
    return forward_exit(vcpu, EXIT_SYSREG, mode);
}

static struct context *trap_dead_end(struct vcpu *vcpu, uint64_t code, uint32_t mode) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->record.word[0] = code;
    vcpu->record.word[1] = vmcb->exit_info1;
    vcpu->record.word[2] = vmcb->exit_info2;
    return forward_exit(vcpu, EXIT_SHUTDOWN, mode);
}

// Interrupts are off in the core. They come here alone, and in trap_idle: STGI lets them in that
// #VMEXIT has shut out, STI those that RFLAGS has. What is not maskable needs the first only, and
// until it has it, would end each VMRUN at once.
static uint32_t trap_take(void) {
    vector_taken = APIC_SPURIOUS;
    asm volatile("stgi\n sti\n nop\n cli" ::: "memory");
    return vector_taken;
}

// What was being delivered when it exited is delivered on the way back (15.7.2), but for what an
// instruction does again: INT, INT3, INTO. QEMU (7.2, 10.0) says of interrupts and NMIs that they
// were exceptions, and would not take them as such; and V_IRQ is set yet when one was its.
COLD static uint64_t trap_again(const struct vmcb *vmcb) {
    uint64_t event = vmcb->exit_event, type = event & VMCB_EVENT_TYPE, vector = event & 0xff;
    bool again =
        type == VMCB_EVENT_SOFT ||
        (type == VMCB_EVENT_EXCEPTION && vector - VECTOR_BREAKPOINT <= 1) ||
        ((vmcb->interrupt & VMCB_IRQ) && vmcb->interrupt >> VMCB_IRQ_VECTOR_SHIFT == vector);
    bool wrong =
        type == VMCB_EVENT_EXCEPTION && (vector >= VECTOR_EXTERNAL || vector == VECTOR_NMI);
    uint64_t right = vector == VECTOR_NMI ? VMCB_EVENT_NMI : vector;
    return again ? 0 : wrong ? right | VMCB_EVENT_VALID : event;
}

FROM_VECTOR struct context *trap_guest(struct vcpu *vcpu, uint64_t code) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint32_t mode = vmcb->cpl == 0;
    vmcb->event = unlikely(vmcb->exit_event & VMCB_EVENT_VALID) ? trap_again(vmcb) : 0;
    interrupt_settle(vcpu);
    switch (code) {
    case VMCB_EXIT_VMMCALL:
        fetch_prefixes(vcpu);
        return forward_exit(vcpu, EXIT_HYPERCALL, mode);
    case VMCB_EXIT_NESTED_FAULT:
        return trap_nested_fault(vcpu, mode);
    case VMCB_EXIT_IO:
        return trap_io(vcpu, mode);
    case VMCB_EXIT_EXCEPTION + VECTOR_DEBUG: // DR6 already says why (15.12.2)
    case VMCB_EXIT_EXCEPTION + VECTOR_ALIGNMENT:
        // Raised by its own delivery, it may come before any interrupt again and again.
        arch_vcpu_inject(vcpu, code - VMCB_EXIT_EXCEPTION, 0);
        return trap_interrupt(vcpu->context.cpu, trap_take(), &vcpu->context);
    case VMCB_EXIT_INTR:
    case VMCB_EXIT_NMI:
        return trap_interrupt(vcpu->context.cpu, trap_take(), &vcpu->context);
    case VMCB_EXIT_HLT:
        fetch_prefixes(vcpu);
        vcpu->record.word[0] = arch_now();
        vcpu->record.word[1] = arch_vcpu_pending(vcpu);
        return forward_exit(vcpu, EXIT_IDLE, mode);
    case VMCB_EXIT_IRET:
        interrupt_return(vcpu);
        return &vcpu->context;
    case VMCB_EXIT_WINDOW:
        return interrupt_window(vcpu, mode);
    default:
        return code - VMCB_EXIT_DEBUG <= VMCB_EXIT_DEBUG_LAST - VMCB_EXIT_DEBUG ? vcpu_debug(vcpu)
               : code < VMCB_EXIT_NESTED_FAULT && code != VMCB_EXIT_SHUTDOWN
                   ? trap_instruction(vcpu, code, mode)
                   : trap_dead_end(vcpu, code, mode);
    }
}

FROM_VECTOR struct context *trap_effects(uint64_t word6, struct task *task, uint64_t flags,
                                         uint64_t word3, uint64_t word0, uint64_t word1,
                                         uint64_t word2, uint64_t unused, uint64_t word4,
                                         uint64_t word5) {
    (void)word1, (void)unused;
    return commit_effects(task, flags, word2, word3, word4, word5, word6, word0);
}

static enum fault trap_fault(uint64_t vector) {
    return vector == VECTOR_PAGE || vector == VECTOR_STACK             ? FAULT_MEMORY
           : vector == VECTOR_UNDEFINED || vector == VECTOR_PROTECTION ? FAULT_INSTRUCTION
           : vector == VECTOR_DEBUG || vector == VECTOR_BREAKPOINT     ? FAULT_BREAKPOINT
                                                                       : FAULT_OTHER;
}

struct context *trap_task(struct context *context) {
    struct cpu *cpu = context->cpu;
    const struct regs *regs = &context->regs;
    uint64_t address = regs->vector == VECTOR_PAGE ? cpu_read(cr2) : 0;
    forward_settle(cpu);
    if (regs->vector >= VECTOR_EXTERNAL) {
        return trap_interrupt(cpu, (uint32_t)regs->vector, context);
    }
    if (regs->vector == VECTOR_NO_FP) {
        fp_take(cpu, context);
        return context;
    }
    if (regs->vector == VECTOR_PROTECTION && ports_access(task_of(context))) {
        return context;
    }
    task_die(task_of(context), trap_fault(regs->vector), regs->vector | regs->error << 8, address);
    return sched_next(cpu);
}

struct context *trap_idle(void) {
    struct context *next = NULL;
    while (!next) {
        vector_taken = APIC_SPURIOUS;
        asm volatile("stgi\n sti\n hlt\n cli" ::: "memory");
        next = trap_interrupt(&boot_cpu, vector_taken, NULL);
    }
    return next;
}

void trap_load_guest(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    bool complete = vcpu_load(vcpu);
    fp_take(cpu, &vcpu->context);
    cpu->ready = complete ? &vcpu->context : &cpu->core;
}

_Noreturn void trap_core(uint64_t pc) { arch_panic("the core itself trapped at", pc); }
