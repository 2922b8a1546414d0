// Every way into the core but the shortest (vector.S): classify, hand on, and prepare whoever is to
// run next.
#include "arch/irq.h"
#include "arch/panic.h"
#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/fp.h"
#include "arch/riscv64/core/plic.h"
#include "arch/riscv64/core/trap.h"
#include "arch/riscv64/core/vcpu.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "ipc/fault.h"
#include "kernel/cpu.h"
#include "kernel/exit/forward.h"
#include "kernel/object/irq.h"
#include "kernel/object/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscall.h"

#define INSTRUCTION_WFI 0x10500073u

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
    // A pseudo-instruction says that the walk of the guest's own page table faulted (§8.6.3). Its
    // cause is that of a load whatever the access was.
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
    if (value == INSTRUCTION_WFI && mode == 1) {
        vcpu_load(vcpu);
        word[0] = arch_now();
        word[1] = arch_vcpu_pending(vcpu);
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
static bool trap_task_mended(struct cpu *cpu, struct task *task, uint64_t cause) {
    struct regs *regs = &task->context.regs;
    if (cause == CAUSE_ILLEGAL && cpu->fp != &task->context) {
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

static struct context *trap_external(struct cpu *cpu, struct context *current) {
    struct irq *irq = plic_claim(cpu);
    if (irq) {
        struct task *server = irq_fire(irq);
        if (server) {
            sched_ready(&server->context);
        }
    }
    return sched_choose(cpu, current);
}

static struct context *trap_interrupt(struct cpu *cpu, uint64_t number, struct context *current) {
    if (number == IRQ_S_TIMER) {
        return sched_timer(cpu, current);
    }
    return trap_external(cpu, current);
}

// Nothing to run: sleeps until an interrupt changes that.
static struct context *trap_idle(struct cpu *cpu) {
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

// Makes the hardware ready for NEXT.
struct context *trap_leave(struct cpu *cpu, struct context *next) {
    if (unlikely(!next)) {
        next = trap_idle(cpu);
    }
    if (next->kind == CONTEXT_VCPU) {
        struct vcpu *vcpu = vcpu_of(next);
        vcpu_load(vcpu);
        if (unlikely(cpu->borrowed)) {
            vcpu_return_counters(cpu);
        }
        if (unlikely(cpu->fp != next)) {
            fp_take(cpu, next);
        }
        return next;
    }
    struct task *task = task_of(next);
    csr_write(satp, task->satp);
    if (unlikely(task->guest_right)) {
        next->regs.hstatus = HSTATUS_VSXL_64 | HSTATUS_VTW;
        if (task->serving && task->serving->owner == RECORD_VCPU) {
            // Its loads of guest memory go through this guest's tables, with the guest's rights.
            struct vcpu *vcpu = container_of(task->serving, struct vcpu, record);
            vcpu_load(vcpu);
            next->regs.hstatus |= HSTATUS_HU | (vcpu->context.regs.hstatus & HSTATUS_SPVP);
        }
    }
    return next;
}

struct context *trap_handle(struct context *context, uint64_t cause, uint64_t value) {
    struct cpu *cpu = context->cpu;
    struct context *next;
    if (unlikely(context->kind == CONTEXT_CORE)) {
        arch_panic("the core itself trapped at", context->regs.x[0]);
    }
    forward_settle(cpu);
    if (cause & INTERRUPT_BIT) {
        next = trap_interrupt(cpu, cause & ~INTERRUPT_BIT, context);
    } else if (context->kind == CONTEXT_VCPU) {
        next = trap_guest(vcpu_of(context), cause, value);
    } else {
        next = trap_task(cpu, task_of(context), cause, value);
    }
    return trap_leave(cpu, next);
}

struct context *trap_syscall(struct task *task, uint64_t number) {
    return trap_leave(task->context.cpu, syscall_enter(task, number));
}
