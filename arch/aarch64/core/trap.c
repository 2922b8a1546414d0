// Every way into the core but the shortest (vector.S): classify, hand on, and prepare whoever is to
// run next.
#include "arch/aarch64/core/trap.h"

#include "arch/aarch64/core/fp.h"
#include "arch/aarch64/core/gic.h"
#include "arch/aarch64/core/list.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/aarch64/core/vcpu.h"
#include "arch/panic.h"
#include "arch/space.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "ipc/fault.h"
#include "kernel/cpu.h"
#include "kernel/exit/forward.h"
#include "kernel/object/irq.h"
#include "kernel/sched/sched.h"

// An exit of CLASS that four words describe.
HOT static inline struct context *trap_exit(struct vcpu *vcpu, enum exit_class class,
                                            uint64_t word0, uint64_t word1, uint64_t word2,
                                            uint64_t word3) {
    uint64_t *word = vcpu->record.word;
    word[0] = word0;
    word[1] = word1;
    word[2] = word2;
    word[3] = word3;
    return forward_exit(vcpu, class, PSTATE_EL(vcpu->context.regs.pstate));
}

static struct context *trap_dead_end(struct vcpu *vcpu, uint64_t syndrome, uint64_t address) {
    return trap_exit(vcpu, EXIT_SHUTDOWN, syndrome, address, sysreg_read(hpfar_el2) << 8, 0);
}

// HPFAR_EL2 has the page's address, but not for every permission fault (Arm ARM, D19.2.60): then
// the guest's own stage 1 is walked once more. False: that finds nothing any more.
static bool trap_fault_page(uint64_t iss, uint64_t address, uint64_t *page) {
    bool known = ESR_FAULT_KIND(ESR_ISS_FAULT(iss)) != ESR_FAULT_PERMISSION || (iss & ESR_ISS_WALK);
    if (known) {
        *page = (sysreg_read(hpfar_el2) & ~0xfull) << 8;
        return true;
    }
    uint64_t par = sysreg_translate(s1e1r, address);
    *page = par & PTE_ADDRESS;
    return !(par & PAR_FAILED);
}

static struct context *trap_stage2(struct vcpu *vcpu, uint64_t syndrome, uint64_t address) {
    uint64_t iss = ESR_ISS(syndrome);
    unsigned kind = ESR_FAULT_KIND(ESR_ISS_FAULT(iss));
    bool fetch = ESR_CLASS(syndrome) == ESR_CLASS_FETCH;
    bool write = (iss & ESR_ISS_WRITE) && !(iss & ESR_ISS_CACHE);
    unsigned access = fetch ? ACCESS_EXECUTE : write ? ACCESS_WRITE : ACCESS_READ;
    uint64_t page;
    if (kind < ESR_FAULT_TRANSLATION || kind > ESR_FAULT_PERMISSION) {
        return trap_dead_end(vcpu, syndrome, address);
    }
    if (!trap_fault_page(iss, address, &page)) {
        return &vcpu->context; // its tables have changed since: it tries again
    }
    if (iss & ESR_ISS_WALK) {
        return trap_exit(vcpu, EXIT_STAGE2, page, access | ACCESS_WALK, address, 0);
    }
    return trap_exit(vcpu, EXIT_STAGE2, page | (address & PAGE_MASK), access, address,
                     !fetch && (iss & ESR_ISS_VALID) ? syndrome : 0);
}

// What the identification register that ISS names says of this CPU. Their numbers are parts of
// instructions.
COLD static uint64_t trap_identification(uint64_t iss) {
    // clang-format off
#define READ(m, n) case (m) << 3 | (n): return sysreg_read(s3_0_c0_c##m##_##n);
#define ROW(m) READ(m, 0) READ(m, 1) READ(m, 2) READ(m, 3) READ(m, 4) READ(m, 5) READ(m, 6) READ(m, 7)
    switch (ESR_ISS_IS_ID(iss) ? ESR_ISS_ID(iss) : 0) {
        ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7)
    default:
        return 0;
    }
    // clang-format on
}

COLD static struct context *trap_guest(struct vcpu *vcpu, uint64_t syndrome, uint64_t address) {
    uint64_t iss = ESR_ISS(syndrome), value;
    switch (ESR_CLASS(syndrome)) {
    case ESR_CLASS_A32_FIRST ... ESR_CLASS_A32_LAST:
    case ESR_CLASS_SVE ... ESR_CLASS_SME:
        // Instructions that guests do not have.
        arch_vcpu_inject(vcpu, syndrome & ESR_IL, 0);
        return &vcpu->context;
    case ESR_CLASS_HVC: // the vector has moved the pc back to it
    case ESR_CLASS_SMC:
        return forward_exit(vcpu, EXIT_HYPERCALL, PSTATE_EL(vcpu->context.regs.pstate));
    case ESR_CLASS_DATA:
    case ESR_CLASS_FETCH:
        return trap_stage2(vcpu, syndrome, address);
    case ESR_CLASS_WFX:
        return trap_exit(vcpu, EXIT_IDLE, arch_now(),
                         arch_vcpu_pending(vcpu) || (iss & ESR_ISS_IS_WFE),
                         syndrome & ESR_IL ? 4 : 2, 0);
    case ESR_CLASS_SYSREG:
        value = iss & ESR_ISS_SYSREG_READ ? trap_identification(iss)
                                          : regs_get(&vcpu->context.regs, ESR_ISS_SYSREG_RT(iss));
        return trap_exit(vcpu, EXIT_SYSREG, iss, value, 0, 0);
    default:
        return trap_dead_end(vcpu, syndrome, address);
    }
}

// What a task did wrong.
static enum fault trap_fault(unsigned class) {
    switch (class) {
    case ESR_CLASS_UNKNOWN:
    case ESR_CLASS_WFX:
    case ESR_CLASS_ILLEGAL:
    case ESR_CLASS_SYSREG:
        return FAULT_INSTRUCTION;
    case ESR_CLASS_FETCH:
    case ESR_CLASS_DATA:
        return FAULT_MEMORY; // the only ones that have an address
    default:
        return class == ESR_CLASS_BREAKPOINT ? FAULT_BREAKPOINT : FAULT_OTHER;
    }
}

COLD static struct context *trap_task(struct task *task, uint64_t syndrome, uint64_t address) {
    struct cpu *cpu = task->context.cpu;
    unsigned class = ESR_CLASS(syndrome);
    forward_settle(cpu);
    if (class == ESR_CLASS_FP) { // its first floating-point instruction
        fp_take(cpu, &task->context);
        return &task->context;
    }
    enum fault fault = trap_fault(class);
    task_die(task, fault, syndrome, fault == FAULT_MEMORY ? address : 0);
    return sched_next(cpu);
}

// Of a data abort: the class, a walk, a cache operation, the kind of fault; and what these are when
// the guest has loaded from, or stored to, an address where nothing is mapped.
#define ESR_ACCESS_MASK (ESR_CLASS_OF(0x3full) | ESR_ISS_WALK | ESR_ISS_CACHE | 0x3cull)
#define ESR_ACCESS (ESR_CLASS_OF(ESR_CLASS_DATA) | ESR_FAULT_TRANSLATION << 2)

// What trap_stage2 does, for such an access. Nothing in it is called and comes back.
HOT static inline struct context *trap_access(struct vcpu *vcpu, uint64_t syndrome,
                                              uint64_t address) {
    return trap_exit(vcpu, EXIT_STAGE2, sysreg_read(hpfar_el2) >> 4 << 12 | (address & PAGE_MASK),
                     syndrome & ESR_ISS_WRITE ? ACCESS_WRITE : ACCESS_READ, address,
                     syndrome & ESR_ISS_VALID ? syndrome : 0);
}

struct context *trap_handle(struct context *context, uint64_t syndrome, uint64_t address) {
    if (unlikely(context->kind == CONTEXT_TASK)) {
        return trap_task(task_of(context), syndrome, address);
    }
    if (likely((syndrome & ESR_ACCESS_MASK) == ESR_ACCESS)) {
        return trap_access(vcpu_of(context), syndrome, address);
    }
    return trap_guest(vcpu_of(context), syndrome, address);
}

// The guest's own timer fired. It is quiet until the guest ends the interrupt that it gets for it.
static struct context *trap_guest_timer(struct cpu *cpu, struct context *current) {
    struct vcpu *vcpu = cpu->loaded;
    if (!vcpu) {
        sysreg_write(cntv_ctl_el02, CNT_MASKED);
        gic_deactivate(GIC_GUEST_TIMER);
        return sched_choose(cpu, current);
    }
    if (likely(current == &vcpu->context)) {
        vcpu->record.word[0] = sysreg_read(cntv_cval_el02) + sysreg_read(cntvoff_el2);
        vcpu->record.word[1] = arch_now();
        return forward_exit(vcpu, EXIT_TIMER, 0);
    }
    // It does not run just now: the exit follows when it would go on.
    vcpu->deadline = arch_now();
    return sched_timer(cpu, current);
}

COLD static struct context *trap_maintain(struct cpu *cpu, struct context *current) {
    if (cpu->loaded) {
        list_maintain(cpu->loaded);
    }
    gic_deactivate(GIC_MAINTENANCE);
    return sched_choose(cpu, current);
}

COLD static struct context *trap_device(struct cpu *cpu, uint32_t intid, struct context *current) {
    uint32_t line = intid - GIC_SHARED;
    struct irq *irq = intid >= GIC_SHARED && line < IRQ_LINES ? cpu->irq[line] : NULL;
    if (irq) {
        irq_fire(irq);
    }
    return sched_choose(cpu, current);
}

static struct context *trap_taken(struct cpu *cpu, uint32_t intid, struct context *current) {
    switch (intid) {
    case GIC_HOST_TIMER:
        gic_deactivate(intid);
        return sched_timer(cpu, current);
    case GIC_GUEST_TIMER:
        return trap_guest_timer(cpu, current);
    case GIC_MAINTENANCE:
        return trap_maintain(cpu, current);
    default:
        return trap_device(cpu, intid, current);
    }
}

COLD static struct context *trap_interrupt_settle(struct context *context) {
    forward_settle(context->cpu);
    return trap_taken(context->cpu, gic_take(), context);
}

struct context *trap_interrupt(struct context *context) {
    if (unlikely(context->cpu->fast)) {
        return trap_interrupt_settle(context);
    }
    return trap_taken(context->cpu, gic_take(), context);
}

struct context *trap_idle(struct cpu *cpu) {
    struct context *next = NULL;
    while (!next) {
        asm volatile("dsb sy\n wfi" ::: "memory");
        next = trap_taken(cpu, gic_take(), NULL);
    }
    return next;
}

// The IT block that an instruction of T32 was in is one step further (Arm ARM, AArch32.ITAdvance).
static void trap_advance_block(struct regs *regs) {
    uint64_t it = (regs->pstate >> 8 & 0xfc) | (regs->pstate >> 25 & 3);
    uint64_t next = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    regs->pstate ^= PSTATE_IT(it ^ next);
}

void trap_load_guest(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    uint64_t behind = vcpu->context.regs.pc - vcpu->arch.a32_exit;
    if ((behind == 2 || behind == 4) && (vcpu->context.regs.pstate & PSTATE_AARCH32)) {
        trap_advance_block(&vcpu->context.regs);
    }
    vcpu->arch.a32_exit = 1; // nowhere
    vcpu_load(vcpu);
    fp_take(cpu, &vcpu->context);
    cpu->ready = &vcpu->context;
}

_Noreturn void trap_core(uint64_t pc) { arch_panic("the core itself trapped at", pc); }
