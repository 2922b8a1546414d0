#include "arch/vcpu.h"

#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/fp.h"
#include "arch/riscv64/core/vcpu.h"
#include "arch/time.h"
#include "kernel/cpu.h"
#include "kernel/object/pool.h"
#include "kernel/object/space.h"

#define GUEST_SSTATUS (SSTATUS_UXL_64 | SSTATUS_SPP_FS)
#define GUEST_HSTATUS (HSTATUS_VSXL_64 | HSTATUS_VTW | HSTATUS_SPV | HSTATUS_SPVP)

void arch_vcpu_init(struct vcpu *vcpu) {
    // The page of the pool tags the vCPU's translations, so that two vCPUs of one VM, whose
    // ASIDs mean different things, never share any.
    uint64_t vmid = pool_index(vcpu) & 0x3fff;
    vcpu->arch.hgatp =
        HGATP_SV39X4 | vmid << 44 | arch_virt_to_phys(vcpu->space->root).v >> PAGE_BITS;
    vcpu->arch.hcounteren = HCOUNTEREN_TM;
    vcpu->arch.vstimecmp = DEADLINE_NEVER;
}

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    struct cpu *cpu = vcpu->context.cpu;
    if (cpu->loaded == vcpu) {
        cpu->loaded = NULL; // what is in the hardware is of its last life
        cpu->ready = &cpu->core;
        cpu->borrowed = false;
    }
    fp_forget(&vcpu->context);
    struct arch_vcpu fresh = {
        .vsstatus = SSTATUS_UXL_64 | SSTATUS_FS,
        .vstimecmp = DEADLINE_NEVER,
        .hgatp = vcpu->arch.hgatp,
        .hcounteren = vcpu->arch.hcounteren,
        .henvcfg = vcpu->arch.henvcfg,
        .scounteren = SCOUNTEREN_ALL, // as servers need it too: most guests leave it so
    };
    vcpu->arch = fresh;
    vcpu->fp = (struct fp_regs){0};
    vcpu->context.regs = (struct regs){.sstatus = GUEST_SSTATUS, .hstatus = GUEST_HSTATUS};
    vcpu->context.regs.x[0] = pc;
    vcpu->context.regs.x[REG_A0] = argument0;
    vcpu->context.regs.x[REG_A0 + 1] = argument1;
    arch_vcpu_fence(vcpu);
    asm volatile("fence.i"); // its code was written as data
}

enum status arch_vcpu_features(struct vcpu *vcpu, uint64_t features) {
    if (features & ~(uint64_t)(VCPU_FEATURE_TIMER | VCPU_FEATURE_COUNTERS)) {
        return STATUS_UNSUPPORTED;
    }
    if ((features & VCPU_FEATURE_TIMER) && !timer_has_sstc()) {
        return STATUS_UNSUPPORTED;
    }
    vcpu->features = features;
    vcpu->arch.henvcfg = features & VCPU_FEATURE_TIMER ? HENVCFG_STCE : 0;
    vcpu->arch.hcounteren =
        HCOUNTEREN_TM | (features & VCPU_FEATURE_COUNTERS ? HCOUNTEREN_CY_IR : 0);
    return STATUS_OK;
}

bool vcpu_borrow_counters(struct cpu *cpu) {
    uint64_t enabled = csr_read(scounteren);
    if (enabled == SCOUNTEREN_ALL) {
        return false;
    }
    if (cpu->loaded && !cpu->borrowed) {
        cpu->loaded->arch.scounteren = enabled;
        cpu->borrowed = true;
        cpu->ready = &cpu->core;
    }
    csr_write(scounteren, SCOUNTEREN_ALL);
    return true;
}

static void vcpu_save(struct cpu *cpu, struct arch_vcpu *arch) {
    if (!cpu->borrowed) {
        arch->scounteren = csr_read(scounteren);
    }
    cpu->borrowed = false;
    arch->senvcfg = csr_read(senvcfg);
    arch->vsstatus = csr_read(vsstatus);
    arch->vsie = csr_read(vsie);
    arch->vstvec = csr_read(vstvec);
    arch->vsscratch = csr_read(vsscratch);
    arch->vsepc = csr_read(vsepc);
    arch->vscause = csr_read(vscause);
    arch->vstval = csr_read(vstval);
    arch->vsatp = csr_read(vsatp);
    arch->hvip = csr_read(hvip);
    if (timer_has_sstc()) {
        arch->vstimecmp = csr_read(vstimecmp);
    }
}

void vcpu_load_slow(struct vcpu *vcpu) {
    struct cpu *cpu = vcpu->context.cpu;
    const struct arch_vcpu *arch = &vcpu->arch;
    if (cpu->loaded) {
        vcpu_save(cpu, &cpu->loaded->arch);
    }
    // A reservation need not end with a trap: this takes that of the vCPU before away, by which a
    // store-conditional of this one could succeed (unprivileged architecture, §8.2).
    uint64_t nowhere;
    asm volatile("sc.d zero, zero, %0" : "=A"(nowhere)::"memory");
    csr_write(scounteren, arch->scounteren);
    csr_write(senvcfg, arch->senvcfg);
    cpu->loaded = vcpu;
    cpu->ready = &cpu->core;
    csr_write(vsstatus, arch->vsstatus);
    csr_write(vsie, arch->vsie);
    csr_write(vstvec, arch->vstvec);
    csr_write(vsscratch, arch->vsscratch);
    csr_write(vsepc, arch->vsepc);
    csr_write(vscause, arch->vscause);
    csr_write(vstval, arch->vstval);
    // hgatp before vsatp: no walk may begin with one guest's table in another's memory. The order
    // that §8.5.3 asks for with speculation in mind is vsatp = 0 first.
    csr_write(vsatp, 0);
    csr_write(hgatp, arch->hgatp);
    csr_write(vsatp, arch->vsatp);
    csr_write(hcounteren, arch->hcounteren);
    csr_write(henvcfg, arch->henvcfg);
    if (timer_has_sstc()) {
        csr_write(vstimecmp, arch->vstimecmp);
    }
    // Last: QEMU 7.2 takes an interrupt raised in hvip back when vstimecmp is written.
    csr_write(hvip, arch->hvip);
}

void vcpu_return_counters(struct cpu *cpu) {
    csr_write(scounteren, cpu->loaded->arch.scounteren);
    cpu->borrowed = false;
}

void arch_vcpu_settle(struct vcpu *vcpu) {
    // It called from its kernel mode: the assembly path takes no other calls.
    vcpu->context.regs.sstatus = GUEST_SSTATUS;
    vcpu->context.regs.hstatus = GUEST_HSTATUS;
}

HOT void arch_vcpu_result(struct vcpu *vcpu, uint64_t result0, uint64_t result1) {
    vcpu->context.regs.x[REG_A0] = result0;
    vcpu->context.regs.x[REG_A0 + 1] = result1;
}

HOT void arch_vcpu_advance(struct vcpu *vcpu, uint64_t length) {
    // Only an emulated load or store can be a compressed instruction.
    vcpu->context.regs.x[0] += length == 2 ? 2 : 4;
}

// By enum interrupt: software, timer, external.
static_assert(HVIP_SOFTWARE == 4 && HVIP_TIMER == 4 << 4 && HVIP_EXTERNAL == 4 << 8,
              "the bits are four places apart");
static inline uint64_t interrupt_bit(unsigned interrupt) { return 4ull << 4 * interrupt; }

HOT bool arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt, bool quick) {
    (void)quick;
    if (vcpu->context.cpu->loaded == vcpu) {
        csr_set(hvip, interrupt_bit(interrupt));
    } else {
        vcpu->arch.hvip |= interrupt_bit(interrupt);
    }
    return true;
}

HOT void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt) {
    if (vcpu->context.cpu->loaded == vcpu) {
        csr_clear(hvip, interrupt_bit(interrupt));
    } else {
        vcpu->arch.hvip &= ~interrupt_bit(interrupt);
    }
}

bool arch_vcpu_pending(struct vcpu *vcpu) {
    // vsie shows the bits of VS interrupts one place lower than hip and hvip (§8.2.3).
    if (vcpu->context.cpu->loaded == vcpu) {
        return csr_read(hip) & csr_read(hie) & (HVIP_SOFTWARE | HVIP_TIMER | HVIP_EXTERNAL);
    }
    uint64_t pending = vcpu->arch.hvip;
    if (vcpu->arch.henvcfg && vcpu->arch.vstimecmp <= arch_now()) {
        pending |= HVIP_TIMER;
    }
    return pending & vcpu->arch.vsie << 1;
}

uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu) {
    return vcpu->context.cpu->loaded == vcpu ? csr_read(vstimecmp) : vcpu->arch.vstimecmp;
}

void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    struct regs *regs = &vcpu->context.regs;
    vcpu_load(vcpu);
    uint64_t status = csr_read(vsstatus);
    uint64_t kept = status & ~(uint64_t)(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE);
    uint64_t spie = status & SSTATUS_SIE ? SSTATUS_SPIE : 0; // SIE becomes SPIE, SIE is off
    uint64_t spp = regs->sstatus & SSTATUS_SPP;
    csr_write(vsstatus, kept | spie | spp);
    csr_write(vsepc, regs->x[0]);
    csr_write(vscause, cause & 63); // never an interrupt
    csr_write(vstval, value);
    regs->x[0] = csr_read(vstvec) & ~3ull;
    regs->sstatus |= SSTATUS_SPP;
    regs->hstatus |= HSTATUS_SPVP;
}

enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction) {
    (void)vcpu, (void)address, (void)instruction;
    return STATUS_UNSUPPORTED; // hlvx is an instruction of user mode, too
}

enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state) {
    (void)vcpu, (void)interrupt, (void)state;
    return STATUS_UNSUPPORTED;
}

enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt) {
    (void)vcpu, (void)what, (void)interrupt;
    return STATUS_UNSUPPORTED;
}

void arch_vcpu_window(struct vcpu *vcpu) { (void)vcpu; } // never due

void arch_vcpu_fence(struct vcpu *vcpu) {
    // hfence.vvma works on the VMID in hgatp.
    uint64_t hgatp = csr_read(hgatp);
    csr_write(hgatp, vcpu->arch.hgatp);
    asm volatile("hfence.vvma" ::: "memory");
    csr_write(hgatp, hgatp);
    asm volatile("fence.i"); // a guest's remote fence of instructions comes here too
}
