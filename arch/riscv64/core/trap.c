// Every way into the core but the shortest (vector.S): classify, hand on, and prepare whoever is to
// run next.
#include "arch/riscv64/core/trap.h"

#include "arch/irq.h"
#include "arch/panic.h"
#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/fp.h"
#include "arch/riscv64/core/plic.h"
#include "arch/riscv64/core/vcpu.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "ipc/fault.h"
#include "kernel/cpu.h"
#include "kernel/exit/commit.h"
#include "kernel/exit/forward.h"
#include "kernel/object/irq.h"
#include "kernel/object/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscall.h"

#define INSTRUCTION_WFI 0x10500073u

static_assert(CONTEXT_TASK == 0 && RECORD_VCPU == 0 && SYSCALL_REPLY_WAIT == 0 && STATUS_OK == 0 &&
                  REPLY_HYPERCALL == 0 && REPLY_HYPERCALL_DEADLINE == 1 && SYSCALL_CALL == 1,
              "vector.S compares with these, where it compares with zero and one");

// How the causes that concern a guest's memory touch it (§8.6.1). Not in the table: 0.
static const uint8_t stage2_access[] = {
    [CAUSE_FETCH_GUEST] = ACCESS_EXECUTE,
    [CAUSE_LOAD_GUEST] = ACCESS_READ,
    [CAUSE_STORE_GUEST] = ACCESS_WRITE,
};

static struct context *trap_stage2(struct vcpu *vcpu, uint64_t cause, uint64_t value,
                                   uint32_t mode) {
    uint64_t *word = vcpu->record.word;
    uint64_t htinst = csr_read(htinst);
    // A pseudo-instruction says that the walk of the guest's own page table faulted (§8.6.3). The
    // cause is that of the access which needed the walk; on QEMU 7.2 that of a load for all.
    bool walk = htinst != 0 && (htinst & 0x3) == 0;
    // htval is the address without its two low bits, which stval has (§8.2.8); a walk touches
    // aligned entries.
    word[0] = csr_read(htval) << 2 | (walk ? 0 : value & 3);
    word[1] = stage2_access[cause] | (walk ? ACCESS_WALK : 0);
    word[2] = value;
    word[3] = walk ? 0 : htinst;
    return forward_exit(vcpu, EXIT_STAGE2, mode);
}

static struct context *trap_virtual_instruction(struct vcpu *vcpu, uint64_t value, uint32_t mode) {
    uint64_t *word = vcpu->record.word;
    // QEMU 7.2 leaves stval as it was for some instructions: what stands there must not look like
    // one that is emulated.
    csr_write(stval, 0);
    if (value == INSTRUCTION_WFI && mode == 1) {
        word[0] = arch_now();
        word[1] = arch_vcpu_pending(vcpu);
        word[2] = 0;
        return forward_exit(vcpu, EXIT_IDLE, mode);
    }
    word[0] = value;
    return forward_exit(vcpu, EXIT_SYSREG, mode);
}

static struct context *trap_guest(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    uint32_t mode = vcpu->context.regs.sstatus & SSTATUS_SPP ? 1 : 0;
    switch (cause) {
    case CAUSE_GUEST_CALL:
        return forward_exit(vcpu, EXIT_HYPERCALL, mode);
    case CAUSE_FETCH_GUEST:
    case CAUSE_LOAD_GUEST:
    case CAUSE_STORE_GUEST:
        return trap_stage2(vcpu, cause, value, mode);
    case CAUSE_VIRTUAL:
        return trap_virtual_instruction(vcpu, value, mode);
    default:
        vcpu->record.word[0] = cause;
        vcpu->record.word[1] = value;
        vcpu->record.word[2] = csr_read(htval) << 2;
        return forward_exit(vcpu, EXIT_SHUTDOWN, mode);
    }
}

// True when the task may go on: its first floating-point instruction, a counter that the guest had
// switched off, or a read of guest memory that failed and says where to go then.
COLD static bool trap_task_mended(struct cpu *cpu, struct task *task, uint64_t cause) {
    struct regs *regs = &task->context.regs;
    if (cause == CAUSE_ILLEGAL && !(regs->sstatus & SSTATUS_FS)) {
        fp_take(cpu, &task->context);
        regs->sstatus |= SSTATUS_FS;
        return true;
    }
    if (cause == CAUSE_ILLEGAL && vcpu_borrow_counters(cpu)) {
        return true;
    }
    uint64_t pc = regs_pc(regs);
    if (task->fixup.begin <= pc && pc < task->fixup.end) {
        regs->x[0] = task->fixup.resume;
        return true;
    }
    return false;
}

static struct context *trap_task(struct cpu *cpu, struct task *task, uint64_t cause,
                                 uint64_t value) {
    if (trap_task_mended(cpu, task, cause)) {
        return &task->context;
    }
    enum fault fault = cause == CAUSE_ILLEGAL || cause == CAUSE_VIRTUAL ? FAULT_INSTRUCTION
                       : cause == CAUSE_BREAKPOINT                      ? FAULT_BREAKPOINT
                       : cause <= CAUSE_STORE_GUEST                     ? FAULT_MEMORY
                                                                        : FAULT_OTHER;
    task_die(task, fault, cause, value);
    return sched_next(cpu);
}

COLD static struct context *trap_external(struct cpu *cpu, struct context *current) {
    struct irq *irq = plic_claim(cpu);
    if (irq) {
        irq_fire(irq);
    }
    return sched_choose(cpu, current);
}

static struct context *trap_interrupt(struct cpu *cpu, uint64_t number, struct context *current) {
    if (number == IRQ_S_TIMER) {
        return sched_timer(cpu, current);
    }
    return trap_external(cpu, current);
}

struct context *trap_idle(struct cpu *cpu) {
    struct context *next = NULL;
    while (!next) {
        asm volatile("wfi" ::: "memory");
        uint64_t pending = csr_read(sip) & csr_read(sie);
        if (pending & 1 << IRQ_S_TIMER) {
            next = trap_interrupt(cpu, IRQ_S_TIMER, NULL);
        } else if (pending & 1 << IRQ_S_EXTERNAL) {
            next = trap_interrupt(cpu, IRQ_S_EXTERNAL, NULL);
        }
    }
    return next;
}

void trap_show_guest(struct task *task) {
    uint64_t hstatus = HSTATUS_VSXL_64 | HSTATUS_VTW;
    if (task->serving && task->serving->owner == RECORD_VCPU) {
        struct vcpu *vcpu = container_of(task->serving, struct vcpu, record);
        vcpu_load(vcpu);
        hstatus |= HSTATUS_HU | (vcpu->context.regs.hstatus & HSTATUS_SPVP);
    }
    task->context.regs.hstatus = hstatus;
}

void trap_load_guest(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    vcpu_load(vcpu);
    if (cpu->borrowed) {
        vcpu_return_counters(cpu);
    }
    fp_take(cpu, &vcpu->context);
    cpu->ready = &vcpu->context;
}

// A task trapped, or an interrupt came while it ran; or the core did what it never may.
COLD static struct context *trap_handle_task(struct context *context, uint64_t cause,
                                             uint64_t value) {
    struct cpu *cpu = context->cpu;
    if (context->kind == CONTEXT_CORE) {
        arch_panic("the core itself trapped at", context->regs.x[0]);
    }
    forward_settle(cpu);
    if (cause & INTERRUPT_BIT) {
        return trap_interrupt(cpu, cause & ~INTERRUPT_BIT, context);
    }
    return trap_task(cpu, task_of(context), cause, value);
}

// Nothing here is called and comes back, but for rare things at the very end: so the compiler needs
// no stack frame.
struct context *trap_handle(struct context *context, uint64_t cause, uint64_t value) {
    if (unlikely(context->kind != CONTEXT_VCPU)) {
        return trap_handle_task(context, cause, value);
    }
    if (cause == (INTERRUPT_BIT | IRQ_S_TIMER)) {
        return sched_timer(context->cpu, context);
    }
    if (cause & INTERRUPT_BIT) {
        return trap_external(context->cpu, context);
    }
    return trap_guest(vcpu_of(context), cause, value);
}

COLD static struct context *trap_reply_settled(struct task *task, uint64_t flags) {
    forward_settle(task->context.cpu);
    return commit_reply(task, flags, regs_words(&task->context.regs));
}

struct context *trap_reply(struct task *task, uint64_t flags) {
    if (unlikely(task->context.cpu->fast)) {
        return trap_reply_settled(task, flags);
    }
    return commit_reply(task, flags, regs_words(&task->context.regs));
}
