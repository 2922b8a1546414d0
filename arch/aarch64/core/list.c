#include "arch/aarch64/core/list.h"

#include "arch/aarch64/core/gic.h"
#include "arch/aarch64/core/sysreg.h"
#include "kernel/cpu.h"

#define LIST_STATE (LIST_PENDING | LIST_ACTIVE)

static unsigned registers;

// Their numbers are parts of their names.
#define LIST_EACH(X)                                                                               \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static uint64_t hardware_read(unsigned number) {
    switch (number) {
#define LIST_READ(n)                                                                               \
    case n:                                                                                        \
        return sysreg_read(ich_lr##n##_el2);
        LIST_EACH(LIST_READ)
#undef LIST_READ
    default:
        return 0;
    }
}

static void hardware_write(unsigned number, uint64_t value) {
    switch (number) {
#define LIST_WRITE(n)                                                                              \
    case n:                                                                                        \
        sysreg_write(ich_lr##n##_el2, value);                                                      \
        break;
        LIST_EACH(LIST_WRITE)
#undef LIST_WRITE
    default:
        break;
    }
}

static bool is_loaded(const struct vcpu *vcpu) { return vcpu->context.cpu->loaded == vcpu; }

static uint64_t list_read(const struct vcpu *vcpu, unsigned number) {
    return is_loaded(vcpu) ? hardware_read(number) : vcpu->arch.list[number];
}

static void list_write(struct vcpu *vcpu, unsigned number, uint64_t value) {
    if (is_loaded(vcpu)) {
        hardware_write(number, value);
    } else {
        vcpu->arch.list[number] = value;
    }
}

void list_init(void) { registers = (unsigned)(sysreg_read(ich_vtr_el2) & 31) + 1; }

static uint64_t list_value(uint32_t intid, uint8_t priority) {
    uint64_t value = LIST_PENDING | LIST_GROUP1 | LIST_PRIORITY(priority) | intid;
    return intid == GIC_GUEST_TIMER ? value | LIST_HARDWARE | LIST_PHYSICAL(intid) : value;
}

// Puts it into a register. False when none is free.
static bool list_put(struct vcpu *vcpu, uint32_t intid, uint8_t priority) {
    unsigned free = registers;
    for (unsigned i = 0; i < registers; i++) {
        uint64_t value = list_read(vcpu, i);
        if (!(value & LIST_STATE)) {
            free = i < free ? i : free;
        } else if (LIST_INTID(value) == intid) {
            // Active: it comes once more when the guest has ended it. Not so one that the hardware
            // deactivates, which would be lost then; the physical one fires again by itself.
            if (!(value & LIST_HARDWARE)) {
                list_write(vcpu, i, value | LIST_PENDING);
            }
            return true;
        }
    }
    if (free == registers) {
        return false;
    }
    list_write(vcpu, free, list_value(intid, priority));
    return true;
}

static void set_underflow(struct vcpu *vcpu, bool on) {
    if (is_loaded(vcpu)) {
        sysreg_write(ich_hcr_el2, ICH_HCR_ENABLE | (on ? ICH_HCR_UNDERFLOW : 0));
    }
}

static bool is_waiting(const struct vcpu *vcpu) {
    uint64_t any = 0;
    for (unsigned i = 0; i < ARCH_INTERRUPTS / 64; i++) {
        any |= vcpu->arch.waiting[i];
    }
    return any != 0;
}

void list_raise(struct vcpu *vcpu, uint32_t intid, uint8_t priority) {
    if (!list_put(vcpu, intid, priority)) {
        vcpu->arch.waiting[intid / 64] |= 1ull << intid % 64;
        vcpu->arch.priority[intid] = priority;
        set_underflow(vcpu, true);
    }
}

void list_clear(struct vcpu *vcpu, uint32_t intid) {
    vcpu->arch.waiting[intid / 64] &= ~(1ull << intid % 64);
    for (unsigned i = 0; i < registers; i++) {
        uint64_t value = list_read(vcpu, i);
        if ((value & LIST_STATE) == LIST_PENDING && LIST_INTID(value) == intid) {
            list_write(vcpu, i, 0);
        } else if ((value & LIST_PENDING) && LIST_INTID(value) == intid) {
            list_write(vcpu, i, value & ~LIST_PENDING);
        }
    }
}

void list_deactivate(struct vcpu *vcpu, uint32_t intid) {
    for (unsigned i = 0; i < registers; i++) {
        uint64_t value = list_read(vcpu, i);
        if (!(value & LIST_ACTIVE) || LIST_INTID(value) != intid) {
            continue;
        }
        list_write(vcpu, i, value & LIST_PENDING ? value & ~LIST_ACTIVE : 0);
        if ((value & LIST_HARDWARE) && is_loaded(vcpu)) {
            gic_deactivate(intid); // list_load does it for one that is not
        }
    }
}

uint64_t list_look(const struct vcpu *vcpu, uint32_t intid) {
    bool waits = vcpu->arch.waiting[intid / 64] >> intid % 64 & 1;
    uint64_t state = waits ? VCPU_LOOK_PENDING : 0;
    for (unsigned i = 0; i < registers; i++) {
        uint64_t value = list_read(vcpu, i);
        if ((value & LIST_STATE) && LIST_INTID(value) == intid) {
            state |= value & LIST_PENDING ? VCPU_LOOK_PENDING : 0;
            state |= value & LIST_ACTIVE ? VCPU_LOOK_ACTIVE : 0;
        }
    }
    return state;
}

bool list_pending(const struct vcpu *vcpu) {
    for (unsigned i = 0; i < registers; i++) {
        if (list_read(vcpu, i) & LIST_PENDING) {
            return true;
        }
    }
    return is_waiting(vcpu);
}

// The one that waits with the highest priority, or ARCH_INTERRUPTS.
static uint32_t list_next(const struct vcpu *vcpu) {
    uint32_t next = ARCH_INTERRUPTS;
    for (unsigned i = 0; i < ARCH_INTERRUPTS / 64; i++) {
        for (uint64_t set = vcpu->arch.waiting[i]; set; set &= set - 1) {
            uint32_t intid = i * 64 + (uint32_t)__builtin_ctzll(set);
            if (next == ARCH_INTERRUPTS || vcpu->arch.priority[intid] < vcpu->arch.priority[next]) {
                next = intid;
            }
        }
    }
    return next;
}

void list_refill(struct vcpu *vcpu) {
    uint32_t next = list_next(vcpu);
    while (next < ARCH_INTERRUPTS && list_put(vcpu, next, vcpu->arch.priority[next])) {
        vcpu->arch.waiting[next / 64] &= ~(1ull << next % 64);
        next = list_next(vcpu);
    }
    set_underflow(vcpu, next < ARCH_INTERRUPTS);
}

void list_save(struct vcpu *vcpu) {
    struct arch_vcpu *arch = &vcpu->arch;
    for (unsigned i = 0; i < registers; i++) {
        arch->list[i] = hardware_read(i);
    }
    arch->vmcr = sysreg_read(ich_vmcr_el2);
    arch->ap0r = sysreg_read(ich_ap0r0_el2);
    arch->ap1r = sysreg_read(ich_ap1r0_el2);
}

void list_load(struct vcpu *vcpu) {
    const struct arch_vcpu *arch = &vcpu->arch;
    bool timer = false;
    for (unsigned i = 0; i < registers; i++) {
        hardware_write(i, arch->list[i]);
        timer |= (arch->list[i] & LIST_STATE) && (arch->list[i] & LIST_HARDWARE);
    }
    sysreg_write(ich_vmcr_el2, arch->vmcr);
    sysreg_write(ich_ap0r0_el2, arch->ap0r);
    sysreg_write(ich_ap1r0_el2, arch->ap1r);
    sysreg_write(ich_hcr_el2, ICH_HCR_ENABLE | (is_waiting(vcpu) ? ICH_HCR_UNDERFLOW : 0));
    gic_guest_timer_active(timer);
}
