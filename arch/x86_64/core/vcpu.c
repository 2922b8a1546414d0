#include "arch/vcpu.h"

#include "arch/space.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/fp.h"
#include "arch/x86_64/core/interrupt.h"
#include "arch/x86_64/core/svm.h"
#include "arch/x86_64/core/vcpu.h"
#include "arch/x86_64/core/vmcb.h"
#include "kernel/object/space.h"

// The state that Multiboot starts a kernel in (Multiboot specification 0.6.96, 3.2): protected
// mode, flat segments of 32 bits.
#define SEGMENT_CODE 0xc9bu
#define SEGMENT_DATA 0xc93u
#define SEGMENT_LDT 0x082u
#define SEGMENT_TSS 0x08bu
#define SEGMENT_REAL_CODE 0x09bu
#define SEGMENT_REAL_DATA 0x093u
#define CR0_PROTECTED 0x11ull
#define CR0_REAL 0x10ull
#define PAT_RESET 0x0007040600070406ull
#define DR6_STEP (1ull << 14)
#define DR6_RESET 0xffff0ff0ull
#define DR7_RESET 0x400ull

// What of EFER a guest may set: SCE, LME, NXE, FFXSR. LMA is the CPU's own.
#define EFER_GUEST (EFER_SYSCALL | EFER_LONG_MODE | EFER_NO_EXECUTE | 1ull << 14)

static void vcpu_control(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->intercept_cr = VMCB_INTERCEPTS_CR;
    vmcb->intercept_dr = ~0u; // DR0 to DR3 are in no VMCB
    vmcb->intercept_exceptions = VMCB_INTERCEPTS_EXCEPTIONS;
    vmcb->intercept[0] = VMCB_INTERCEPTS;
    vmcb->intercept[1] = VMCB_INTERCEPTS_MORE;
    svm_permissions(&vmcb->io_permissions, &vmcb->msr_permissions);
    vmcb->interrupt = VMCB_IRQ_MASKING;
    vmcb->nested = 1;
    vmcb->nested_cr3 = arch_virt_to_phys(vcpu->space->root).v + PAGE_SIZE;
}

static void vcpu_segments(struct vmcb *vmcb, struct vmcb_segment code, struct vmcb_segment data) {
    vmcb->es = vmcb->ss = vmcb->ds = vmcb->fs = vmcb->gs = data;
    vmcb->cs = code;
    vmcb->ldtr = (struct vmcb_segment){0, SEGMENT_LDT, 0xffff, 0};
    vmcb->tr = (struct vmcb_segment){0, SEGMENT_TSS, 0xffff, 0};
    vmcb->gdtr = vmcb->idtr = (struct vmcb_segment){0, 0, 0, 0};
}

void arch_vcpu_init(struct vcpu *vcpu) {
    vcpu->arch.vmcb = arch_virt_to_phys(vmcb_of(vcpu)).v;
    vcpu->due = DUE_STARTUP;
}

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    struct cpu *cpu = vcpu->context.cpu;
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (cpu->loaded == vcpu) {
        cpu->loaded = NULL; // what is in the hardware is of its last life
        cpu->ready = &cpu->core;
    }
    fp_forget(&vcpu->context);
    fp_reset(&vcpu->fp);
    vcpu->arch = (struct arch_vcpu){
        .vmcb = vcpu->arch.vmcb, .offered = VCPU_NOTHING_OFFERED, .plain = {1}}; // 0 is one, too
    *vmcb = (struct vmcb){0};
    vcpu_control(vcpu);
    vcpu_segments(vmcb, (struct vmcb_segment){0x08, SEGMENT_CODE, UINT32_MAX, 0},
                  (struct vmcb_segment){0x10, SEGMENT_DATA, UINT32_MAX, 0});
    vmcb->cr0 = CR0_PROTECTED;
    vmcb->efer = EFER_SVM;
    vmcb->rflags = RFLAGS_ONE;
    vmcb->dr6 = DR6_RESET;
    vmcb->dr7 = DR7_RESET;
    vmcb->pat = PAT_RESET;
    vcpu->context.regs = (struct regs){.pc = pc};
    vcpu->context.regs.x[REG_VCPU_RAX] = argument0;
    vcpu->context.regs.x[REG_RBX] = argument1;
}

void vcpu_real(struct vcpu *vcpu, uint64_t page) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu_segments(
        vmcb,
        (struct vmcb_segment){(uint16_t)(page << 8), SEGMENT_REAL_CODE, UINT16_MAX, page << 12},
        (struct vmcb_segment){0, SEGMENT_REAL_DATA, UINT16_MAX, 0});
    vmcb->gdtr.limit = vmcb->idtr.limit = UINT16_MAX;
    vmcb->cr0 = CR0_REAL;
}

enum status arch_vcpu_features(struct vcpu *vcpu, uint64_t features) {
    vcpu->features = features;
    // The time stamp counter, which is what counts here, every guest may read.
    return features & ~(uint64_t)VCPU_FEATURE_COUNTERS ? STATUS_UNSUPPORTED : STATUS_OK;
}

static void vcpu_load_debug(const uint64_t debug[4]) {
    asm volatile("mov %0, %%db0\n mov %1, %%db1\n mov %2, %%db2\n mov %3, %%db3" ::"r"(debug[0]),
                 "r"(debug[1]), "r"(debug[2]), "r"(debug[3]));
}

static void vcpu_save_debug(uint64_t debug[4]) {
    asm volatile("mov %%db0, %0\n mov %%db1, %1\n mov %%db2, %2\n mov %%db3, %3"
                 : "=r"(debug[0]), "=r"(debug[1]), "=r"(debug[2]), "=r"(debug[3]));
}

// From a guest's first access to its debug registers on, they are in the hardware while it is. They
// do nothing to others: DR7 is the VMCB's, and each #VMEXIT resets the core's (15.6).
struct context *vcpu_debug(struct vcpu *vcpu) {
    vcpu->arch.debugs = true;
    vcpu_load_debug(vcpu->arch.debug);
    vmcb_of(vcpu)->intercept_dr = 0;
    vmcb_of(vcpu)->clean &= ~VMCB_CLEAN_INTERCEPTS;
    return &vcpu->context;
}

bool vcpu_load(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (cpu->loaded != vcpu) {
        if (cpu->loaded && cpu->loaded->arch.debugs) {
            vcpu_save_debug(cpu->loaded->arch.debug);
        }
        if (vcpu->arch.debugs) {
            vcpu_load_debug(vcpu->arch.debug);
        }
        cpu->loaded = vcpu;
        vmcb->clean = 0; // another VMCB ran meanwhile
    }
    svm_identify(vcpu);
    return interrupt_load(vcpu) && !vmcb->tlb_control;
}

void arch_vcpu_settle(struct vcpu *vcpu) {
    vcpu->context.regs.pc = vmcb_of(vcpu)->rip;
    vcpu->context.regs.x[REG_VCPU_RAX] = vmcb_of(vcpu)->rax;
}

// Of instructions by which a guest asks for more than one register: CPUID's four, two in a word; a
// 64-bit value in EDX and EAX; and what firmware answers, in RAX and RDX.
HOT void arch_vcpu_result(struct vcpu *vcpu, uint64_t result0, uint64_t result1) {
    uint64_t *x = vcpu->context.regs.x;
    switch ((uint16_t)vmcb_of(vcpu)->exit_code) {
    case VMCB_EXIT_VMMCALL:
        x[REG_VCPU_RAX] = result0;
        x[REG_RDX] = result1;
        break;
    case VMCB_EXIT_CPUID:
        x[REG_VCPU_RAX] = (uint32_t)result0;
        x[REG_RBX] = result0 >> 32;
        x[REG_RCX] = (uint32_t)result1;
        x[REG_RDX] = result1 >> 32;
        break;
    case VMCB_EXIT_IO: // INS and OUTS: the count, and where in memory
        x[REG_RCX] = result0;
        x[vmcb_of(vcpu)->exit_info1 & 1 ? REG_VCPU_RDI : REG_RSI] = result1;
        break;
    default:
        x[REG_VCPU_RAX] = (uint32_t)result0;
        x[REG_RDX] = result0 >> 32;
        break;
    }
}

// How long the instructions are that exit; the others' lengths servers say.
static uint64_t vcpu_length(const struct vmcb *vmcb) {
    if (vmcb->exit_code == VMCB_EXIT_IO) {
        return vmcb->exit_info2 - vmcb->rip;
    }
    uint64_t prefixes = VMCB_EXIT_PREFIXES(vmcb->exit_code);
    switch ((uint16_t)vmcb->exit_code) {
    case VMCB_EXIT_HLT:
        return 1 + prefixes;
    case VMCB_EXIT_VMMCALL:
        return 3 + prefixes;
    default:
        return 2 + prefixes;
    }
}

HOT void arch_vcpu_advance(struct vcpu *vcpu, uint64_t length) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->context.regs.pc += length ? length & 15 : vcpu_length(vmcb);
    vmcb->shadow = 0;
    if (unlikely(vmcb->rflags & RFLAGS_TRAP)) {
        vmcb->dr6 |= DR6_STEP;
        vmcb->clean &= ~VMCB_CLEAN_DR;
        arch_vcpu_inject(vcpu, VECTOR_DEBUG, 0);
    }
}

uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu) {
    (void)vcpu;
    return UINT64_MAX; // a guest's timer is its local APIC's: a server's
}

void arch_vcpu_fence(struct vcpu *vcpu) {
    svm_forget_vcpu(vcpu);
    vcpu->context.cpu->ready = &vcpu->context.cpu->core;
}

// The place in regs of general register NUMBER, as instructions have it; RSP is in the VMCB.
static const uint8_t register_place[16] = {
    REG_VCPU_RAX, REG_RCX, REG_RDX, REG_RBX, 0,       REG_RBP, REG_RSI, REG_VCPU_RDI,
    REG_R8,       REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
#define NUMBER_RSP 4

static const struct vmcb *regs_vmcb(const struct regs *regs) {
    return vmcb_of(container_of(regs, struct vcpu, context.regs));
}

// Where the VMCB has the others, from enum regs_system's first on.
#define PLACE(field) offsetof(struct vmcb, field)
static const uint16_t system_place[] = {
    PLACE(rflags),  PLACE(cr0),     PLACE(cr2),     PLACE(cr3),        PLACE(cr4),
    PLACE(efer),    PLACE(cs.base), PLACE(ds.base), PLACE(es.base),    PLACE(fs.base),
    PLACE(gs.base), PLACE(ss.base), PLACE(pat),     PLACE(cs.selector)};

uint64_t regs_get(const struct regs *regs, unsigned number) {
    const struct vmcb *vmcb = regs_vmcb(regs);
    if (number < 16) {
        return number == NUMBER_RSP ? vmcb->rsp : regs->x[register_place[number]];
    }
    if (number - 16 >= sizeof(system_place) / sizeof(system_place[0])) {
        return 0;
    }
    return *(const uint64_t *)((const char *)vmcb + system_place[number - 16]);
}

// Of those in the VMCB a server may write what MSRs stand for, and the flags that instructions
// which compute leave behind, none of which says what the guest may do; what the hardware would not
// take ends the guest (VMEXIT_INVALID), and nobody else.
COLD static void vcpu_set(struct regs *regs, unsigned number, uint64_t value) {
    struct vmcb *vmcb = (struct vmcb *)regs_vmcb(regs);
    if (number == NUMBER_RSP) {
        vmcb->rsp = value;
    } else if (number == REGS_RFLAGS) {
        vmcb->rflags = (vmcb->rflags & ~RFLAGS_ARITHMETIC) | (value & RFLAGS_ARITHMETIC);
    } else if (number == REGS_EFER) {
        vmcb->efer = (value & EFER_GUEST) | (vmcb->efer & EFER_LONG_MODE_ACTIVE) | EFER_SVM;
        vmcb->clean &= ~VMCB_CLEAN_CR;
    } else if (number == REGS_CR4) {
        vmcb->cr4 = value & CR4_GUEST;
        vmcb->clean &= ~VMCB_CLEAN_CR;
        arch_vcpu_fence(container_of(regs, struct vcpu, context.regs)); // it may empty the TLB
    } else if (number == REGS_PAT) {
        vmcb->pat = value;
        vmcb->clean = 0;
    }
}

HOT void regs_set(struct regs *regs, unsigned number, uint64_t value) {
    if (number < 16 && number != NUMBER_RSP) {
        regs->x[register_place[number]] = value;
    } else {
        vcpu_set(regs, number, value);
    }
}
