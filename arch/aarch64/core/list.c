#include "arch/aarch64/core/list.h"

#include "arch/aarch64/core/gic.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"

#define LIST_STATE (LIST_PENDING | LIST_ACTIVE)

static unsigned registers;

// Their numbers are parts of their names. As many as there are, one after the other.
#define LIST_EACH(X)                                                                               \
    X(15) X(14) X(13) X(12) X(11) X(10) X(9) X(8) X(7) X(6) X(5) X(4) X(3) X(2) X(1) X(0)
#define LIST_READ(n)                                                                               \
    case n + 1:                                                                                    \
        list[n] = sysreg_read(ich_lr##n##_el2);                                                    \
        __attribute__((fallthrough));
#define LIST_WRITE(n)                                                                              \
    case n + 1:                                                                                    \
        sysreg_write(ich_lr##n##_el2, list[n]);                                                    \
        __attribute__((fallthrough));

static inline void hardware_read(uint64_t *list) {
    switch (registers) {
        LIST_EACH(LIST_READ)
    default:;
    }
}

static inline void hardware_write(const uint64_t *list) {
    switch (registers) {
        LIST_EACH(LIST_WRITE)
    default:;
    }
}

void list_init(void) { registers = (unsigned)(sysreg_read(ich_vtr_el2) & 31) + 1; }

// What the vCPU has is in its struct from here on …
static inline void list_open(struct vcpu *vcpu) {
    if (vcpu->context.cpu->loaded == vcpu) {
        hardware_read(vcpu->arch.list);
    }
}

// … to here.
static inline void list_close(struct vcpu *vcpu) {
    if (vcpu->context.cpu->loaded == vcpu) {
        hardware_write(vcpu->arch.list);
        sysreg_write(ich_hcr_el2,
                     ICH_HCR_ENABLE | (vcpu->arch.waiting_count ? ICH_HCR_UNDERFLOW : 0));
    }
}

// INTERRUPT as in VCPU_INTERRUPT.
static uint64_t list_value(uint64_t interrupt) {
    uint64_t intid = interrupt & 0xff;
    uint64_t kind = intid == GIC_GUEST_TIMER       ? LIST_HARDWARE | LIST_PHYSICAL(intid)
                    : interrupt & INTERRUPT_NOTIFY ? LIST_END
                                                   : 0;
    return LIST_PENDING | LIST_GROUP1 | LIST_PRIORITY(interrupt >> 8 & 0xff) | kind | intid;
}

// Puts VALUE into a register. False when none is free.
static inline bool list_put(struct vcpu *vcpu, uint64_t value) {
    uint64_t *free = NULL;
    for (uint64_t *list = vcpu->arch.list; list < vcpu->arch.list + registers; list++) {
        if (!(*list & (LIST_STATE | LIST_END))) {
            free = list;
        } else if (LIST_INTID(*list) == LIST_INTID(value) && (*list & LIST_STATE)) {
            // Active: it comes once more when the guest has ended it. Not so one that the hardware
            // deactivates, which would be lost then; the physical one fires again by itself.
            *list |= value & LIST_HARDWARE ? 0 : value & (LIST_PENDING | LIST_END);
            return true;
        }
    }
    if (free) {
        *free = value;
    }
    return free;
}

static inline void list_raise(struct vcpu *vcpu, uint64_t value) {
    uint64_t *waiting = &vcpu->arch.waiting[LIST_INTID(value)];
    list_open(vcpu);
    if (unlikely(!*waiting && !list_put(vcpu, value))) {
        *waiting = value;
        vcpu->arch.waiting_count++;
    }
    list_close(vcpu);
}

// Takes BITS of the state of INTID away.
static void list_drop(struct vcpu *vcpu, uint64_t intid, uint64_t bits) {
    list_open(vcpu);
    for (unsigned i = 0; i < registers; i++) {
        uint64_t *list = &vcpu->arch.list[i];
        if (LIST_INTID(*list) == intid && (*list & bits)) {
            *list = (*list & LIST_STATE & ~bits) ? *list & ~bits : 0;
        }
    }
    if ((bits & LIST_PENDING) && vcpu->arch.waiting[intid]) {
        vcpu->arch.waiting[intid] = 0;
        vcpu->arch.waiting_count--;
    }
    list_close(vcpu);
}

// The one that waits with the highest priority gets a register. False: none waits, or none is free.
static bool list_refill(struct vcpu *vcpu) {
    uint64_t *best = NULL;
    for (uint64_t *next = vcpu->arch.waiting; next < vcpu->arch.waiting + ARCH_INTERRUPTS; next++) {
        if (*next && (!best || LIST_PRIORITY_OF(*next) < LIST_PRIORITY_OF(*best))) {
            best = next;
        }
    }
    if (!best || !list_put(vcpu, *best)) {
        return false;
    }
    *best = 0;
    vcpu->arch.waiting_count--;
    return true;
}

void list_maintain(struct vcpu *vcpu) {
    list_open(vcpu);
    for (unsigned i = 0; i < registers; i++) {
        uint64_t *list = &vcpu->arch.list[i];
        if ((*list & (LIST_STATE | LIST_END)) == LIST_END) {
            vcpu->arch.ended[LIST_INTID(*list) / 64] |= 1ull << LIST_INTID(*list) % 64;
            vcpu->due |= DUE_WINDOW;
            *list = 0;
        }
    }
    while (vcpu->arch.waiting_count && list_refill(vcpu)) {
    }
    list_close(vcpu);
}

// The physical timer interrupt counts as active, and is quiet, while the guest has not ended its
// own.
static void list_tie(const struct vcpu *vcpu) {
    uint64_t held = 0;
    for (unsigned i = 0; i < registers; i++) {
        held |= vcpu->arch.list[i] & LIST_HARDWARE ? vcpu->arch.list[i] & LIST_STATE : 0;
    }
    gic_guest_timer_active(held);
}

void list_save(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
    hardware_read(arch->list);
    arch->vmcr = sysreg_read(ich_vmcr_el2);
    arch->ap0r = sysreg_read(ich_ap0r0_el2);
    arch->ap1r = sysreg_read(ich_ap1r0_el2);
}

void list_load(struct vcpu *vcpu) {
    const struct arch_vcpu *arch = &vcpu->arch;
    sysreg_write(ich_vmcr_el2, arch->vmcr);
    sysreg_write(ich_ap0r0_el2, arch->ap0r);
    sysreg_write(ich_ap1r0_el2, arch->ap1r);
    list_close(vcpu);
    list_tie(vcpu);
}

bool list_pending(struct vcpu *vcpu) {
    uint64_t any = vcpu->arch.waiting_count ? LIST_PENDING : 0;
    list_open(vcpu);
    for (unsigned i = 0; i < registers; i++) {
        any |= vcpu->arch.list[i];
    }
    return any & LIST_PENDING;
}

HOT void arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt) {
    (void)interrupt;
    if (vcpu->arch.timer) {
        list_raise(vcpu, vcpu->arch.timer);
    }
}

void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt) {
    (void)interrupt;
    list_drop(vcpu, GIC_GUEST_TIMER, LIST_PENDING);
}

enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state) {
    if (interrupt >= ARCH_INTERRUPTS) {
        return STATUS_INVALID;
    }
    uint64_t held = vcpu->arch.waiting[interrupt];
    list_open(vcpu);
    for (unsigned i = 0; i < registers; i++) {
        held |= LIST_INTID(vcpu->arch.list[i]) == interrupt ? vcpu->arch.list[i] : 0;
    }
    *state =
        (held & LIST_PENDING ? VCPU_LOOK_PENDING : 0) | (held & LIST_ACTIVE ? VCPU_LOOK_ACTIVE : 0);
    return STATUS_OK;
}

enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt) {
    uint64_t intid = interrupt & 0xff;
    if (intid >= ARCH_INTERRUPTS || what > VCPU_INTERRUPT_TIMER) {
        return STATUS_INVALID;
    }
    if (what == VCPU_INTERRUPT_TIMER) {
        vcpu->arch.timer = interrupt ? list_value(interrupt) : 0;
        intid = GIC_GUEST_TIMER;
    }
    if (what == VCPU_INTERRUPT_RAISE) {
        list_raise(vcpu, list_value(interrupt));
    } else if (what != VCPU_INTERRUPT_TIMER || !interrupt) {
        list_drop(vcpu, intid, what == VCPU_INTERRUPT_DEACTIVATE ? LIST_ACTIVE : LIST_PENDING);
    }
    if (intid == GIC_GUEST_TIMER && vcpu->context.cpu->loaded == vcpu) {
        list_open(vcpu);
        list_tie(vcpu);
    }
    return STATUS_OK;
}

void arch_vcpu_window(struct vcpu *vcpu) {
    for (unsigned i = 0; i < ARCH_INTERRUPTS / 64; i++) {
        vcpu->record.word[i] = vcpu->arch.ended[i];
        vcpu->arch.ended[i] = 0;
    }
}
