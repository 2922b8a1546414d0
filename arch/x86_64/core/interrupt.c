// What interrupts a guest: the vector that the hardware is to deliver, of those that are pending;
// NMIs; INIT and STARTUP; exceptions that servers answer with.
#include "arch/x86_64/core/interrupt.h"

#include "arch/vcpu.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/vcpu.h"
#include "arch/x86_64/core/vmcb.h"
#include "arch/x86_64/include/arch/inputs.h"
#include "kernel/cpu.h"
#include "kernel/exit/forward.h"

// Exceptions that push an error code: 8, 10…14, 17, 21.
#define VECTORS_WITH_ERROR 0x00227d00u

enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state) {
    if (interrupt >= INTERRUPT_COUNT) {
        return STATUS_INVALID;
    }
    interrupt_settle(vcpu);
    *state = vcpu->arch.pending[interrupt / 64] >> interrupt % 64 & 1 ? VCPU_LOOK_PENDING : 0;
    return STATUS_OK;
}

static int interrupt_highest(const struct vcpu *vcpu) {
    for (int i = INTERRUPT_COUNT / 64 - 1; i >= 0; i--) {
        if (vcpu->arch.pending[i]) {
            return i * 64 + 63 - __builtin_clzll(vcpu->arch.pending[i]);
        }
    }
    return VCPU_NOTHING_OFFERED;
}

// The one that was offered has been taken, if so, on a way that settled nothing.
static void interrupt_taken(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
    if (arch->offered != VCPU_NOTHING_OFFERED && !(vmcb_of(vcpu)->interrupt & VMCB_IRQ)) {
        arch->pending[arch->offered / 64] &= ~(1ull << arch->offered % 64);
        arch->offered = VCPU_NOTHING_OFFERED;
    }
}

static uint32_t interrupt_bits(unsigned vector) {
    return VMCB_IRQ_MASKING | VMCB_IRQ | VMCB_IRQ_IGNORE_TPR | VMCB_IRQ_PRIORITY(vector) |
           vector << VMCB_IRQ_VECTOR_SHIFT;
}

static void interrupt_intercepts(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->intercept[0] = VMCB_INTERCEPTS | (vcpu->arch.window ? VMCB_INTERCEPT_WINDOW : 0) |
                         (vcpu->arch.nmi & NMI_SERVED ? VMCB_INTERCEPT_IRET : 0);
    vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
}

// One interrupt at a time is the hardware's to deliver: the highest. With none, the vector does not
// matter: the window's intercept comes before it.
COLD static void interrupt_offer(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    struct arch_vcpu *arch = &vcpu->arch;
    arch->offered = (int16_t)interrupt_highest(vcpu);
    bool any = arch->offered != VCPU_NOTHING_OFFERED;
    interrupt_intercepts(vcpu);
    vmcb->interrupt = any            ? interrupt_bits((unsigned)arch->offered)
                      : arch->window ? interrupt_bits(0)
                                     : VMCB_IRQ_MASKING;
    vmcb->clean &= ~VMCB_CLEAN_INTERRUPT;
}

void interrupt_settle(struct vcpu *vcpu) {
    int offered = vcpu->arch.offered;
    interrupt_taken(vcpu);
    if (vcpu->arch.offered != offered) {
        interrupt_offer(vcpu);
    }
}

HOT bool arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt, bool quick) {
    struct arch_vcpu *arch = &vcpu->arch;
    interrupt_taken(vcpu);
    const uint64_t *pending = arch->pending;
    bool alone = !(pending[0] | pending[1] | pending[2] | pending[3]);
    if (quick && !alone) {
        return false;
    }
    arch->pending[interrupt / 64] |= 1ull << interrupt % 64;
    if (likely(alone)) {
        arch->offered = (int16_t)interrupt;
        vmcb_of(vcpu)->interrupt = interrupt_bits(interrupt);
        vmcb_of(vcpu)->clean &= ~VMCB_CLEAN_INTERRUPT;
    } else {
        interrupt_offer(vcpu);
    }
    return true;
}

HOT void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt) {
    if (interrupt < INTERRUPT_COUNT) {
        interrupt_taken(vcpu);
        vcpu->arch.pending[interrupt / 64] &= ~(1ull << interrupt % 64);
        interrupt_offer(vcpu);
    }
}

// An NMI is delivered when none is served: from then on until the next IRET, which is intercepted
// (15.21.8: there is no other way to know). Nothing else must be on its way. The IRET itself must
// be done, or the next one's frame may take the place of its own: whether, the exit after it tells,
// at the latest the tick's.
bool interrupt_load(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    struct arch_vcpu *arch = &vcpu->arch;
    if (likely(!arch->nmi)) {
        return true;
    }
    if (vmcb->rip != arch->nmi_rip || vmcb->rsp != arch->nmi_rsp) {
        arch->nmi &= ~NMI_ENDS;
    }
    if (arch->nmi == NMI_DUE && !(vmcb->event & VMCB_EVENT_VALID)) {
        arch->nmi = NMI_SERVED;
        vmcb->event = VMCB_EVENT_NMI | VMCB_EVENT_VALID;
        interrupt_intercepts(vcpu);
    }
    return !(arch->nmi & NMI_DUE) || (arch->nmi & NMI_SERVED);
}

void interrupt_return(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
    arch->nmi = (arch->nmi & NMI_DUE) | NMI_ENDS;
    arch->nmi_rip = vmcb_of(vcpu)->rip;
    arch->nmi_rsp = vmcb_of(vcpu)->rsp;
    interrupt_intercepts(vcpu);
    vcpu->context.cpu->ready = &vcpu->context.cpu->core;
}

// A vCPU that init has stopped, with its VM, stays so: DUE_STARTUP says which may be started.
static bool interrupt_input(struct vcpu *vcpu, uint64_t input) {
    uint64_t page = input - INPUT_STARTUP, priority = input - INPUT_PRIORITY;
    if (input == INPUT_NMI) {
        vcpu->arch.nmi |= NMI_DUE;
        vcpu->context.cpu->ready = &vcpu->context.cpu->core;
    } else if (priority < INPUT_PRIORITIES) {
        vmcb_of(vcpu)->priority = (uint8_t)priority;
        vmcb_of(vcpu)->clean &= ~VMCB_CLEAN_INTERRUPT;
    } else if (input == INPUT_INIT && vcpu->state != VCPU_OFF) {
        vcpu_stop(vcpu);
        vcpu->due = DUE_STARTUP;
    } else if (page < INTERRUPT_COUNT && vcpu->due == DUE_STARTUP &&
               vcpu_start(vcpu, 0, 0, 0) == STATUS_OK) {
        vcpu_real(vcpu, page);
    }
    return input == INPUT_NMI || input == INPUT_INIT || page < INTERRUPT_COUNT ||
           priority < INPUT_PRIORITIES;
}

enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt) {
    bool raises = what == VCPU_INTERRUPT_RAISE, clears = what == VCPU_INTERRUPT_TAKE_BACK;
    interrupt_taken(vcpu);
    if (interrupt == INTERRUPT_WINDOW && (raises || clears)) {
        vcpu->arch.window = raises;
        interrupt_offer(vcpu);
    } else if (interrupt < INTERRUPT_COUNT && raises) {
        arch_vcpu_raise(vcpu, (unsigned)interrupt, false);
    } else if (interrupt < INTERRUPT_COUNT && clears) {
        arch_vcpu_clear(vcpu, (unsigned)interrupt);
    } else if (!raises || !interrupt_input(vcpu, interrupt)) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

void arch_vcpu_window(struct vcpu *vcpu) { (void)vcpu; } // never due: it is an exit of the hardware

bool arch_vcpu_pending(struct vcpu *vcpu) {
    return (vcpu->arch.nmi & (NMI_DUE | NMI_SERVED)) == NMI_DUE ||
           ((vmcb_of(vcpu)->rflags & RFLAGS_INTERRUPTS) &&
            (vcpu->arch.window || interrupt_highest(vcpu) != VCPU_NOTHING_OFFERED));
}

// CAUSE has the error code from bit 8 on; VALUE is a page fault's address.
void arch_vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t vector = cause & 31, error = VMCB_EVENT_ERROR | cause >> 8 << 32;
    vmcb->event = vector | VMCB_EVENT_EXCEPTION | VMCB_EVENT_VALID |
                  (VECTORS_WITH_ERROR >> vector & 1 ? error : 0);
    if (vector == VECTOR_PAGE) {
        vmcb->cr2 = value;
        vmcb->clean &= ~VMCB_CLEAN_CR2;
    }
}

struct context *interrupt_window(struct vcpu *vcpu, uint32_t mode) {
    vcpu->arch.window = false;
    interrupt_offer(vcpu);
    return forward_exit(vcpu, EXIT_WINDOW, mode);
}
