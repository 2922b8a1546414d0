#include "arch/vcpu.h"

#include "arch/aarch64/core/fp.h"
#include "arch/aarch64/core/list.h"
#include "arch/aarch64/core/list_hardware.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/aarch64/core/vcpu.h"
#include "arch/space.h"
#include "arch/time.h"
#include "kernel/cpu.h"
#include "kernel/object/space.h"

// Bits of SCTLR_EL1 that are 1 in the reset state (Arm ARM, D19.2.122), translation off.
#define SCTLR_RESET 0x30d00800ull
#define MPIDR_ONES (1ull << 31)
// What traps of a guest: debug (TDA, TDOSA, TDRA: its watchpoints would hit servers, too), tracing
// and profiling (TTRF, TPMS), and the performance counters unless it has them (TPM).
#define MDCR_GUEST (1ull << 9 | 1ull << 10 | 1ull << 11 | 1ull << 14 | 1ull << 19)
#define MDCR_TPM (1ull << 6)
#define VECTOR_SIZE 0x200ull
#define PAR_ATTRIBUTES(par) ((par) >> 56)
#define PAR_DEVICE_MOST 0x0full // attributes up to here are those of devices

void arch_vcpu_init(struct vcpu *vcpu) { vcpu->features = VCPU_FEATURE_TIMER; }

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    struct cpu *cpu = vcpu->context.cpu;
    (void)argument0; // PSCI and the boot protocol pass one argument: x0
    if (cpu->loaded == vcpu) {
        list_save(vcpu);
        list_hardware_off();
        cpu->loaded = NULL; // all else in the hardware is of its last life
        cpu->ready = &cpu->core;
    }
    fp_forget(&vcpu->context);
    vcpu->arch = (struct arch_vcpu){
        .hcr = HCR_GUEST,
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
    return STATUS_OK;
}

// Which of ARCH_VCPU_EXTENSIONS' registers this CPU has. (By number: ID_AA64ISAR2_EL1.)
static unsigned vcpu_extensions(void) {
    uint64_t isar1 = sysreg_read(id_aa64isar1_el1), isar2 = sysreg_read(s3_0_c0_c6_2);
    return (isar1 & 0xff0 || isar2 & 0xf000 ? ARCH_HAS_ADDRESS_KEYS : 0) |    // APA, API, APA3
           (isar1 >> 24 & 0xff || isar2 & 0xf00 ? ARCH_HAS_GENERIC_KEY : 0) | // GPA, GPI, GPA3
           (sysreg_field(id_aa64pfr0_el1, 28) ? ARCH_HAS_RAS : 0) |
           (sysreg_field(id_aa64pfr1_el1, 24) ? ARCH_HAS_SME : 0);
}

static void vcpu_save(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
    unsigned extensions = vcpu_extensions();
#define SAVE_EL12(name) arch->name = sysreg_read(name##_el12);
#define SAVE(name) arch->name = sysreg_read(name);
#define SAVE_EXTENSION(which, name, sysreg)                                                        \
    if (extensions & ARCH_HAS_##which) {                                                           \
        arch->name = sysreg_read(sysreg);                                                          \
    }
    ARCH_VCPU_REGISTERS(SAVE_EL12, SAVE)
    ARCH_VCPU_EXTENSIONS(SAVE_EXTENSION)
    arch->cntv_ctl = sysreg_read(cntv_ctl_el02) & (CNT_ENABLE | CNT_MASKED);
    sysreg_write(cntv_ctl_el02, CNT_MASKED);
    list_save(vcpu);
}

void vcpu_load_slow(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    const struct arch_vcpu *arch = &vcpu->arch;
    unsigned extensions = vcpu_extensions();
    if (cpu->loaded) {
        vcpu_save(cpu->loaded);
    }
    cpu->loaded = vcpu;
    cpu->ready = &cpu->core;
#define LOAD_EL12(name) sysreg_write(name##_el12, arch->name);
#define LOAD(name) sysreg_write(name, arch->name);
#define LOAD_EXTENSION(which, name, sysreg)                                                        \
    if (extensions & ARCH_HAS_##which) {                                                           \
        sysreg_write(sysreg, arch->name);                                                          \
    }
    ARCH_VCPU_REGISTERS(LOAD_EL12, LOAD)
    ARCH_VCPU_EXTENSIONS(LOAD_EXTENSION)
    // The vCPUs of a VM have one VMID, as a TLBI of one of them is for all (Arm ARM, D8.13).
    sysreg_write(vttbr_el2,
                 (uint64_t)vcpu->space->id << 48 | arch_virt_to_phys(vcpu->space->root).v);
    sysreg_write(vmpidr_el2, MPIDR_ONES | vcpu->number);
    // All event counters are the guest's, where it has them (HPMN; Arm ARM, D19.3.17).
    uint64_t counters = sysreg_read(pmcr_el0) >> 11 & 31;
    sysreg_write(mdcr_el2,
                 MDCR_GUEST | counters | (vcpu->features & VCPU_FEATURE_COUNTERS ? 0 : MDCR_TPM));
    sysreg_write(cntvoff_el2, vcpu->space->begun); // its VM's count began at 0
    list_load(vcpu);
    if (vcpu->space->users > 1) {
        // But an ASID may be one thing to one of them and another thing to the next, as on CPUs of
        // their own (TCR_EL1, CnP). Of all VMs, since with TGE VMALLE1 would be for tasks.
        asm volatile("isb\n tlbi alle1\n dsb nsh" ::: "memory");
    }
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
    vcpu->context.regs.pc += 4 - (length & 2); // T32, of a user, has instructions of two bytes
}

bool arch_vcpu_pending(struct vcpu *vcpu) {
    return list_pending(vcpu) || arch_vcpu_own_deadline(vcpu) <= arch_now();
}

uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu) {
    const struct arch_vcpu *arch = &vcpu->arch;
    bool loaded = vcpu->context.cpu->loaded == vcpu;
    uint64_t control = loaded ? sysreg_read(cntv_ctl_el02) : arch->cntv_ctl;
    uint64_t value = loaded ? sysreg_read(cntv_cval_el02) : arch->cntv_cval_el02;
    uint64_t host = value + vcpu->space->begun; // never, where that is more than 64 bits
    bool armed = (control & (CNT_ENABLE | CNT_MASKED)) == CNT_ENABLE && host >= value;
    return armed ? host : DEADLINE_NEVER;
}

// Where in the guest's vector table an exception from that state goes (Arm ARM, D1.3.1).
static uint64_t vector_offset(uint64_t pstate) {
    return VECTOR_SIZE * (pstate & PSTATE_AARCH32  ? 3
                          : PSTATE_EL(pstate) == 0 ? 2
                                                   : pstate & PSTATE_SP_EL1);
}

void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    struct regs *regs = &vcpu->context.regs;
    vcpu_load(vcpu);
    sysreg_write(elr_el12, regs->pc);
    sysreg_write(spsr_el12, regs->pstate);
    sysreg_write(esr_el12, cause & 0xffffffff);
    sysreg_write(far_el12, value);
    regs->pc = sysreg_read(vbar_el12) + vector_offset(regs->pstate);
    uint64_t pan = sysreg_read(sctlr_el12) & SCTLR_SPAN ? regs->pstate & PSTATE_PAN : PSTATE_PAN;
    regs->pstate = pan | PSTATE_DAIF | PSTATE_EL1H;
}

enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction) {
    if (vcpu->context.regs.pstate & PSTATE_AARCH32) {
        *instruction = 0; // of A64 it is none
        return STATUS_OK;
    }
    vcpu_load(vcpu);
    uint64_t hcr = sysreg_read(hcr_el2);
    sysreg_write(hcr_el2, HCR_GUEST);
    sysreg_sync();
    // Both stages, as a read in the mode that it was in: what can be executed can be read, but for
    // pages that a guest has made execute-only, where it gets no emulation. With translation off
    // all data are a device's, and instructions are not (Arm ARM, D8.2.10).
    uint64_t par = PSTATE_EL(vcpu->context.regs.pstate) == 0 ? sysreg_translate(s12e0r, address)
                                                             : sysreg_translate(s12e1r, address);
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

// Of all vCPUs: it is rare, since guests' own instructions for that reach as far as they need to.
void arch_vcpu_fence(struct vcpu *vcpu) {
    (void)vcpu;
    asm volatile("dsb ish\n tlbi alle1is\n ic iallu\n dsb ish\n isb" ::: "memory");
}
