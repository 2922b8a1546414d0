#include "arch/vcpu.h"

#include "arch/aarch64/core/fp.h"
#include "arch/aarch64/core/list.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/aarch64/core/vcpu.h"
#include "arch/space.h"
#include "arch/time.h"
#include "kernel/cpu.h"
#include "kernel/object/pool.h"
#include "kernel/object/space.h"

// Bits of SCTLR_EL1 that are 1 in the reset state (Arm ARM, D19.2.122), translation off.
#define SCTLR_RESET 0x30d00800ull
#define MPIDR_ONES (1ull << 31)
// What traps of a guest: the performance counters (TPM), and all debug registers (TDA, TDOSA,
// TDRA), which are never the guest's: its watchpoints would hit servers, too.
#define MDCR_TPM (1ull << 6)
#define MDCR_DEBUG (1ull << 9 | 1ull << 10 | 1ull << 11)
#define VECTOR_SIZE 0x200ull

// By their names in arch_vcpu and as system registers. With VHE the EL1 ones of the guest have
// names of their own.
#define VCPU_REGISTERS(X)                                                                          \
    X(sctlr, sctlr_el12)                                                                           \
    X(cpacr, cpacr_el12)                                                                           \
    X(ttbr0, ttbr0_el12)                                                                           \
    X(ttbr1, ttbr1_el12)                                                                           \
    X(tcr, tcr_el12)                                                                               \
    X(mair, mair_el12)                                                                             \
    X(amair, amair_el12)                                                                           \
    X(vbar, vbar_el12)                                                                             \
    X(esr, esr_el12)                                                                               \
    X(far, far_el12)                                                                               \
    X(afsr0, afsr0_el12)                                                                           \
    X(afsr1, afsr1_el12)                                                                           \
    X(elr, elr_el12)                                                                               \
    X(spsr, spsr_el12)                                                                             \
    X(contextidr, contextidr_el12)                                                                 \
    X(cntkctl, cntkctl_el12)                                                                       \
    X(sp_el1, sp_el1)                                                                              \
    X(tpidr_el1, tpidr_el1)                                                                        \
    X(tpidrro_el0, tpidrro_el0)                                                                    \
    X(par, par_el1)                                                                                \
    X(csselr, csselr_el1)                                                                          \
    X(cntv_cval, cntv_cval_el02)

void arch_vcpu_init(struct vcpu *vcpu) {
    // The page of the pool tags the vCPU's translations, so that two vCPUs of one VM, whose ASIDs
    // mean different things, never share any.
    uint64_t vmid = pool_index(vcpu);
    vcpu->arch.vttbr = vmid << 48 | arch_virt_to_phys(vcpu->space->root).v;
    vcpu->arch.vmpidr = MPIDR_ONES | vcpu->number;
    vcpu->arch.hcr = HCR_GUEST;
    vcpu->arch.mdcr = MDCR_DEBUG | MDCR_TPM;
    vcpu->features = VCPU_FEATURE_TIMER;
}

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    struct cpu *cpu = vcpu->context.cpu;
    (void)argument0; // PSCI and the boot protocol pass one argument: x0
    if (cpu->loaded == vcpu) {
        list_save(vcpu);
        cpu->loaded = NULL; // all else in the hardware is of its last life
        cpu->ready = &cpu->core;
    }
    fp_forget(&vcpu->context);
    vcpu->arch = (struct arch_vcpu){
        .hcr = vcpu->arch.hcr,
        .vttbr = vcpu->arch.vttbr,
        .vmpidr = vcpu->arch.vmpidr,
        .mdcr = vcpu->arch.mdcr,
        .interrupts = vcpu->arch.interrupts,
        .sctlr = SCTLR_RESET,
        .vmcr = ICH_VMCR_RESET,
    };
    vcpu->fp = (struct fp_regs){0};
    list_maintain(vcpu); // what is to be reported still is
    vcpu->context.regs = (struct regs){.pc = pc, .pstate = PSTATE_DAIF | PSTATE_EL1H};
    vcpu->context.regs.x[0] = argument1;
    arch_vcpu_fence(vcpu);
}

enum status arch_vcpu_features(struct vcpu *vcpu, uint64_t features) {
    if (features & ~(uint64_t)(VCPU_FEATURE_TIMER | VCPU_FEATURE_COUNTERS)) {
        return STATUS_UNSUPPORTED;
    }
    vcpu->features = features | VCPU_FEATURE_TIMER; // every guest has the virtual timer
    vcpu->arch.mdcr = MDCR_DEBUG | (features & VCPU_FEATURE_COUNTERS ? 0 : MDCR_TPM);
    return STATUS_OK;
}

static void vcpu_save(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
#define VCPU_SAVE(field, name) arch->field = sysreg_read(name);
    VCPU_REGISTERS(VCPU_SAVE)
#undef VCPU_SAVE
    arch->cntv_ctl = sysreg_read(cntv_ctl_el02) & (CNT_ENABLE | CNT_MASKED);
    sysreg_write(cntv_ctl_el02, CNT_MASKED);
    list_save(vcpu);
}

void vcpu_load_slow(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    const struct arch_vcpu *arch = &vcpu->arch;
    if (cpu->loaded) {
        vcpu_save(cpu->loaded);
    }
    cpu->loaded = vcpu;
    cpu->ready = &cpu->core;
#define VCPU_LOAD(field, name) sysreg_write(name, arch->field);
    VCPU_REGISTERS(VCPU_LOAD)
#undef VCPU_LOAD
    sysreg_write(vttbr_el2, arch->vttbr);
    sysreg_write(vmpidr_el2, arch->vmpidr);
    sysreg_write(mdcr_el2, arch->mdcr);
    list_load(vcpu);
    // Last: from here on it may fire.
    sysreg_write(cntv_ctl_el02, arch->cntv_ctl);
    sysreg_sync();
}

void arch_vcpu_settle(struct vcpu *vcpu) {
    (void)vcpu; // the assembly path has saved all of it
}

HOT void arch_vcpu_result(struct vcpu *vcpu, uint64_t result0, uint64_t result1) {
    vcpu->context.regs.x[0] = result0;
    vcpu->context.regs.x[1] = result1;
}

HOT void arch_vcpu_advance(struct vcpu *vcpu, uint64_t length) {
    (void)length;
    vcpu->context.regs.pc += 4;
}

static bool timer_passed(uint64_t control, uint64_t value) {
    return (control & (CNT_ENABLE | CNT_MASKED)) == CNT_ENABLE && value <= arch_now();
}

bool arch_vcpu_pending(struct vcpu *vcpu) {
    const struct arch_vcpu *arch = &vcpu->arch;
    bool loaded = vcpu->context.cpu->loaded == vcpu;
    return list_pending(vcpu) ||
           timer_passed(loaded ? sysreg_read(cntv_ctl_el02) : arch->cntv_ctl,
                        loaded ? sysreg_read(cntv_cval_el02) : arch->cntv_cval);
}

uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu) {
    const struct arch_vcpu *arch = &vcpu->arch;
    bool loaded = vcpu->context.cpu->loaded == vcpu;
    uint64_t control = loaded ? sysreg_read(cntv_ctl_el02) : arch->cntv_ctl;
    uint64_t value = loaded ? sysreg_read(cntv_cval_el02) : arch->cntv_cval;
    return (control & (CNT_ENABLE | CNT_MASKED)) == CNT_ENABLE ? value : DEADLINE_NEVER;
}

// Where in the guest's vector table an exception from that state goes (Arm ARM, D1.3.1).
static uint64_t vector_offset(uint64_t pstate) {
    if (pstate & PSTATE_AARCH32) {
        return 3 * VECTOR_SIZE;
    }
    if (PSTATE_EL(pstate) == 0) {
        return 2 * VECTOR_SIZE;
    }
    return pstate & PSTATE_SP_EL1 ? VECTOR_SIZE : 0;
}

void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    struct regs *regs = &vcpu->context.regs;
    vcpu_load(vcpu);
    sysreg_write(elr_el12, regs->pc);
    sysreg_write(spsr_el12, regs->pstate);
    sysreg_write(esr_el12, cause & 0xffffffff);
    sysreg_write(far_el12, value);
    regs->pc = sysreg_read(vbar_el12) + vector_offset(regs->pstate);
    regs->pstate = PSTATE_DAIF | PSTATE_EL1H;
}

#define PAR_FAILED 1ull
#define PAR_ATTRIBUTES(par) ((par) >> 56)
#define PAR_DEVICE_MOST 0x0full // attributes up to here are those of devices

enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction) {
    vcpu_load(vcpu);
    uint64_t hcr = sysreg_read(hcr_el2), kept = sysreg_read(par_el1);
    sysreg_write(hcr_el2, vcpu->arch.hcr);
    sysreg_sync();
    // Both stages, as a read in the mode that it was in: what can be executed can be read, but for
    // pages that a guest has made execute-only, where it gets no emulation. With translation off
    // all data are a device's, and instructions are not (Arm ARM, D8.2.10).
    if (PSTATE_EL(vcpu->context.regs.pstate) == 0) {
        asm volatile("at s12e0r, %0\n isb" ::"r"(address) : "memory");
    } else {
        asm volatile("at s12e1r, %0\n isb" ::"r"(address) : "memory");
    }
    uint64_t par = sysreg_read(par_el1);
    sysreg_write(par_el1, kept);
    sysreg_write(hcr_el2, hcr);
    sysreg_sync();
    bool device = PAR_ATTRIBUTES(par) <= PAR_DEVICE_MOST && (sysreg_read(sctlr_el12) & 1);
    if ((par & PAR_FAILED) || device || address % 4 != 0) {
        return STATUS_NOT_FOUND;
    }
    hpa_t at = HPA((par & PTE_ADDRESS) | (address & PAGE_MASK));
    *instruction = *(const volatile uint32_t *)arch_phys_to_virt(at);
    return STATUS_OK;
}

// Of the VMID that is in VTTBR_EL2, while EL1 is the guest's.
void arch_vcpu_fence(struct vcpu *vcpu) {
    uint64_t vttbr = sysreg_read(vttbr_el2), hcr = sysreg_read(hcr_el2);
    sysreg_write(vttbr_el2, vcpu->arch.vttbr);
    sysreg_write(hcr_el2, vcpu->arch.hcr);
    sysreg_sync();
    asm volatile("dsb ish\n tlbi vmalle1is\n ic iallu\n dsb ish\n isb" ::: "memory");
    sysreg_write(hcr_el2, hcr);
    sysreg_write(vttbr_el2, vttbr);
    sysreg_sync();
}

void arch_vcpu_end(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    fp_forget(&vcpu->context);
    if (cpu->loaded == vcpu) {
        cpu->loaded = NULL;
        cpu->ready = &cpu->core;
        sysreg_write(cntv_ctl_el02, CNT_MASKED);
        sysreg_write(ich_hcr_el2, 0);
    }
    asm volatile("dsb ish\n tlbi alle1is\n dsb ish\n isb" ::: "memory"); // its VMID may come again
}
