#include "arch/vcpu.h"

#include "arch/fake/core/machine.h"
#include "arch/fake/core/vcpu.h"
#include "arch/panic.h"

struct arch_vcpu *machine_guest(struct vcpu *vcpu) {
    return machine.cpu->loaded == vcpu ? &machine.guest : &vcpu->arch;
}

static const struct arch_vcpu *guest_of(const struct vcpu *vcpu) {
    return machine.cpu->loaded == vcpu ? &machine.guest : &vcpu->arch;
}

void vcpu_load(struct vcpu *vcpu) {
    struct cpu *cpu = machine.cpu;
    if (cpu->loaded == vcpu) {
        return;
    }
    if (cpu->loaded) {
        cpu->loaded->arch = machine.guest;
    }
    cpu->loaded = vcpu;
    machine.guest = vcpu->arch;
    // What is in the hardware is nowhere else: whoever reads it in the struct reads this.
    vcpu->arch = (struct arch_vcpu){.pending = ~0ull, .enabled = ~0ull, .own_time = 1};
}

void arch_vcpu_init(struct vcpu *vcpu) { vcpu->arch.own_time = DEADLINE_NEVER; }

void arch_vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    if (machine.cpu->loaded == vcpu) {
        machine.cpu->loaded = NULL;
    }
    vcpu->arch = (struct arch_vcpu){.own_time = DEADLINE_NEVER};
    vcpu->context.regs = (struct regs){.pc = pc, .general = {argument0, argument1}};
}

enum status arch_vcpu_features(struct vcpu *vcpu, uint64_t features) {
    if (features & ~(uint64_t)VCPU_FEATURE_TIMER) {
        return STATUS_UNSUPPORTED;
    }
    vcpu->features = features;
    return STATUS_OK;
}

void arch_vcpu_settle(struct vcpu *vcpu) { vcpu->context.regs.user = 0; }

void arch_vcpu_result(struct vcpu *vcpu, uint64_t result0, uint64_t result1) {
    vcpu->context.regs.general[0] = result0;
    vcpu->context.regs.general[1] = result1;
}

void arch_vcpu_advance(struct vcpu *vcpu, uint64_t length) {
    vcpu->context.regs.pc += length ? length : MACHINE_INSTRUCTION;
}

bool arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt, bool quick) {
    (void)quick;
    machine_require(interrupt < INTERRUPT_COUNT, "no such interrupt");
    machine_guest(vcpu)->pending |= 1ull << interrupt;
    return true;
}

void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt) {
    machine_require(interrupt < INTERRUPT_COUNT, "no such interrupt");
    machine_guest(vcpu)->pending &= ~(1ull << interrupt);
}

bool arch_vcpu_pending(struct vcpu *vcpu) {
    const struct arch_vcpu *guest = guest_of(vcpu);
    uint64_t pending = guest->pending;
    if ((vcpu->features & VCPU_FEATURE_TIMER) && guest->own_time <= machine.now) {
        pending |= 1ull << INTERRUPT_TIMER;
    }
    return pending & guest->enabled;
}

enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state) {
    if (interrupt >= INTERRUPT_COUNT) {
        return STATUS_INVALID;
    }
    *state = guest_of(vcpu)->pending >> interrupt & 1 ? VCPU_LOOK_PENDING : 0;
    return STATUS_OK;
}

// RAISE and TAKE_BACK. What is to be reported is so at once, as if the guest had ended it.
enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt) {
    unsigned number = interrupt & 0xff;
    if (number >= INTERRUPT_COUNT || what > VCPU_INTERRUPT_TAKE_BACK) {
        return STATUS_INVALID;
    }
    if (what == VCPU_INTERRUPT_TAKE_BACK) {
        arch_vcpu_clear(vcpu, number);
    } else if (interrupt & INTERRUPT_NOTIFY) {
        machine_guest(vcpu)->ended |= 1ull << number;
        vcpu->due |= vcpu->state == VCPU_OFF ? 0 : DUE_WINDOW;
    } else {
        arch_vcpu_raise(vcpu, number, false);
    }
    return STATUS_OK;
}

void arch_vcpu_window(struct vcpu *vcpu) {
    struct arch_vcpu *guest = machine_guest(vcpu);
    vcpu->record.word[0] = guest->ended;
    vcpu->record.word[1] = 0;
    guest->ended = 0;
}

uint64_t arch_vcpu_own_deadline(const struct vcpu *vcpu) { return guest_of(vcpu)->own_time; }

void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    struct arch_vcpu *guest = machine_guest(vcpu);
    guest->exception_pc = vcpu->context.regs.pc;
    guest->exception_cause = cause;
    guest->exception_value = value;
    vcpu->context.regs.pc = guest->vector;
    vcpu->context.regs.user = 0;
}

enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction) {
    *instruction = address ^ vcpu->number;
    return address % 4 == 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

void arch_vcpu_fence(struct vcpu *vcpu) { machine.vcpu_fences[vcpu->number]++; }
