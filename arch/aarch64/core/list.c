#include "arch/aarch64/core/list.h"

#include "arch/aarch64/core/gic.h"
#include "arch/aarch64/core/list_hardware.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"

#define LIST_STATE (LIST_PENDING | LIST_ACTIVE)

static bool is_loaded(const struct vcpu *vcpu) { return vcpu->context.cpu->loaded == vcpu; }

// What has a list register goes to where the others wait …
static void list_open(struct vcpu *vcpu) {
    struct arch_interrupts *own = &vcpu->arch.interrupts;
    if (is_loaded(vcpu)) {
        list_hardware_read(own->list);
    }
    for (unsigned i = 0; i < list_hardware_registers; i++) {
        uint64_t value = own->list[i], intid = LIST_INTID(value);
        if (value & LIST_STATE) {
            own->waiting[intid] = value;
            own->held[intid / 64] |= 1ull << intid % 64;
        } else if ((value & LIST_END) && !(value & LIST_HARDWARE)) {
            own->ended[intid / 64] |= 1ull << intid % 64;
        }
    }
}

// Takes out the most urgent of those that wait: one that is active, which the guest will end, goes
// before all others. 0: none waits.
static uint64_t list_take(struct arch_interrupts *own) {
    uint64_t best = 0, least = UINT64_MAX;
    for (unsigned word = 0; word < ARCH_INTERRUPTS / 64; word++) {
        for (uint64_t rest = own->held[word]; rest; rest &= rest - 1) {
            uint64_t value = own->waiting[word * 64 + (unsigned)__builtin_ctzll(rest)];
            uint64_t urgency = value & LIST_ACTIVE ? 0 : 1 + LIST_PRIORITY_OF(value);
            if (urgency < least) {
                least = urgency;
                best = value;
            }
        }
    }
    if (best) {
        own->held[LIST_INTID(best) / 64] &= ~(1ull << LIST_INTID(best) % 64);
    }
    return best;
}

// … and from there the most urgent get one again, so that the guest, which may mask by priority,
// misses none that is more urgent than those it sees.
static void list_close(struct vcpu *vcpu) {
    struct arch_interrupts *own = &vcpu->arch.interrupts;
    for (unsigned i = 0; i < list_hardware_registers; i++) {
        own->list[i] = list_take(own);
    }
    if (own->ended[0] | own->ended[1]) {
        vcpu->due |= DUE_WINDOW;
    }
    if (is_loaded(vcpu)) {
        list_hardware_write(own->list, own->held[0] | own->held[1]); // while one waits
    }
}

void list_maintain(struct vcpu *vcpu) {
    list_open(vcpu);
    list_close(vcpu);
}

// INTID loses the state CLEAR, and is as NEW says or, when it is there already, pending as NEW is.
static void list_change(struct vcpu *vcpu, uint64_t intid, uint64_t clear, uint64_t new) {
    struct arch_interrupts *own = &vcpu->arch.interrupts;
    list_open(vcpu);
    uint64_t bit = 1ull << intid % 64, *held = &own->held[intid / 64];
    if (*held & bit) {
        // One that is active comes once more when the guest has ended it. Not so one that the
        // hardware deactivates, which would be lost then: the physical one fires again by itself.
        uint64_t old = own->waiting[intid] & ~clear;
        new = old | (old & LIST_HARDWARE ? 0 : new &(LIST_PENDING | LIST_END));
    }
    own->waiting[intid] = new;
    *held = new &LIST_STATE ? *held | bit : *held & ~bit;
    list_close(vcpu);
}

// What a list register gets for INTERRUPT, which is as in VCPU_INTERRUPT.
static uint64_t list_value(uint64_t interrupt) {
    uint64_t intid = interrupt & 0xff;
    uint64_t kind = intid == GIC_GUEST_TIMER       ? LIST_HARDWARE | LIST_PHYSICAL(intid)
                    : interrupt & INTERRUPT_NOTIFY ? LIST_END
                                                   : 0;
    kind |= intid < GIC_SGIS ? LIST_SOURCE(interrupt >> 20 & 7) : 0;
    kind |= interrupt & INTERRUPT_GROUP0 ? 0 : LIST_GROUP1;
    return LIST_PENDING | LIST_PRIORITY(interrupt >> 8 & 0xff) | kind | intid;
}

// The physical timer interrupt counts as active, and is quiet, while the guest has not ended its
// own.
static void list_tie(const struct vcpu *vcpu) {
    uint64_t held = 0;
    for (unsigned i = 0; i < list_hardware_registers; i++) {
        uint64_t value = vcpu->arch.interrupts.list[i];
        held |= value & LIST_HARDWARE ? value & LIST_STATE : 0;
    }
    gic_guest_timer_active(held);
}

void list_save(struct vcpu *vcpu) {
    list_hardware_read(vcpu->arch.interrupts.list);
    list_hardware_save(&vcpu->arch);
}

void list_load(struct vcpu *vcpu) {
    const struct arch_interrupts *own = &vcpu->arch.interrupts;
    list_hardware_load(&vcpu->arch);
    list_hardware_write(own->list, own->held[0] | own->held[1]);
    list_tie(vcpu);
}

bool list_pending(struct vcpu *vcpu) {
    uint64_t any = 0;
    list_maintain(vcpu); // if any is pending, one that is has a register, or all are active
    for (unsigned i = 0; i < list_hardware_registers; i++) {
        any |= vcpu->arch.interrupts.list[i];
    }
    return any & LIST_PENDING;
}

HOT bool arch_vcpu_raise(struct vcpu *vcpu, unsigned interrupt, bool quick) {
    const struct arch_interrupts *own = &vcpu->arch.interrupts;
    (void)interrupt;
    // What happens most: it is the only one. (None waits where no register is in use.)
    if (likely(is_loaded(vcpu) && list_hardware_quick(own->timer))) {
        return true;
    }
    if (!quick) {
        list_change(vcpu, GIC_GUEST_TIMER, 0, own->timer);
    }
    return !quick;
}

void arch_vcpu_clear(struct vcpu *vcpu, unsigned interrupt) {
    (void)interrupt;
    list_change(vcpu, GIC_GUEST_TIMER, LIST_PENDING, 0);
}

enum status arch_vcpu_look(struct vcpu *vcpu, uint64_t interrupt, uint64_t *state) {
    const struct arch_interrupts *own = &vcpu->arch.interrupts;
    if (interrupt >= ARCH_INTERRUPTS) {
        return STATUS_INVALID;
    }
    list_open(vcpu);
    bool held = own->held[interrupt / 64] >> interrupt % 64 & 1;
    uint64_t value = held ? own->waiting[interrupt] : 0;
    *state = (value & LIST_PENDING ? VCPU_LOOK_PENDING : 0) |
             (value & LIST_ACTIVE ? VCPU_LOOK_ACTIVE : 0);
    list_close(vcpu);
    return STATUS_OK;
}

enum status arch_vcpu_interrupt(struct vcpu *vcpu, uint64_t what, uint64_t interrupt) {
    uint64_t intid = interrupt & 0xff;
    bool is_other = what == VCPU_INTERRUPT_TIMER && interrupt && intid != GIC_GUEST_TIMER;
    if (intid >= ARCH_INTERRUPTS || is_other) {
        return STATUS_INVALID;
    }
    switch (what) {
    case VCPU_INTERRUPT_RAISE:
        list_change(vcpu, intid, 0, list_value(interrupt));
        return STATUS_OK;
    case VCPU_INTERRUPT_TAKE_BACK:
        list_change(vcpu, intid, LIST_PENDING, 0);
        return STATUS_OK;
    case VCPU_INTERRUPT_DEACTIVATE:
        list_change(vcpu, intid, LIST_ACTIVE, 0);
        break;
    case VCPU_INTERRUPT_TIMER:
        vcpu->arch.interrupts.timer = interrupt ? list_value(interrupt) : 0;
        list_change(vcpu, GIC_GUEST_TIMER, interrupt ? 0 : LIST_PENDING, 0);
        break;
    default:
        return STATUS_INVALID;
    }
    if (is_loaded(vcpu)) {
        list_tie(vcpu); // a timer that has expired may fire again
    }
    return STATUS_OK;
}

void arch_vcpu_window(struct vcpu *vcpu) {
    for (unsigned i = 0; i < ARCH_INTERRUPTS / 64; i++) {
        vcpu->record.word[i] = vcpu->arch.interrupts.ended[i];
        vcpu->arch.interrupts.ended[i] = 0;
    }
}
