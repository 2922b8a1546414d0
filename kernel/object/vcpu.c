#include "kernel/object/vcpu.h"

#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/sched/sched.h"

static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "the first page of a vCPU");

void vcpu_init(struct vcpu *vcpu, struct space *space, uint8_t number, struct cpu *cpu) {
    vcpu->context.kind = CONTEXT_VCPU;
    vcpu->context.cpu = cpu;
    vcpu->deadline = DEADLINE_NEVER;
    vcpu->wake = DEADLINE_NEVER;
    vcpu->record.owner = RECORD_VCPU;
    vcpu->space = space;
    vcpu->number = number;
    vcpu->fast_info = MESSAGE_INFO(EXIT_HYPERCALL, number, 1);
    vcpu->next_home = cpu->home;
    cpu->home = vcpu;
    cpu->alone = vcpu->next_home ? NULL : vcpu;
    space->users++;
    space->vcpu[number] = vcpu;
    arch_vcpu_init(vcpu);
}

enum status vcpu_start(struct vcpu *vcpu, uint64_t pc, uint64_t argument0, uint64_t argument1) {
    if (vcpu->state != VCPU_OFF) {
        return STATUS_BUSY;
    }
    if (!vcpu->space->begun) {
        vcpu->space->begun = arch_now();
    }
    vcpu->due = 0; // a timer's expiry while it was off is not for this life
    arch_vcpu_reset(vcpu, pc, argument0, argument1);
    vcpu->state = VCPU_RUNNABLE;
    sched_ready(&vcpu->context);
    return STATUS_OK;
}

void vcpu_stop(struct vcpu *vcpu) {
    portal_cancel(&vcpu->record);
    sched_remove(&vcpu->context);
    vcpu->deadline = DEADLINE_NEVER;
    vcpu->wake = DEADLINE_NEVER;
    vcpu->due = 0;
    vcpu->preempted = false;
    vcpu->state = VCPU_OFF;
}

void vcpu_unpark(struct vcpu *vcpu) {
    if (vcpu->state == VCPU_PARKED) {
        vcpu->state = VCPU_RUNNABLE;
        sched_ready(&vcpu->context);
    }
}

void vcpu_look_again(struct vcpu *vcpu) {
    // In this order: who looks what is pending may find an end that is to be reported.
    if (vcpu->state == VCPU_PARKED && arch_vcpu_pending(vcpu)) {
        vcpu_unpark(vcpu);
    } else if (vcpu->state == VCPU_PARKED && vcpu->due) {
        sched_ready(&vcpu->context); // parked as it is: sched_next forwards what is due
    }
}

uint64_t vcpu_count(const struct vcpu *vcpu, enum exit_class c) {
    if (c != EXIT_HYPERCALL) {
        return vcpu->count[c];
    }
    uint64_t others = 0;
    for (unsigned i = EXIT_HYPERCALL + 1; i < EXIT_GUEST_CLASSES; i++) {
        others += vcpu->count[i];
    }
    return vcpu->record.seq - others;
}

void vcpu_update_fast(struct vcpu *vcpu) {
    const struct route *route = &vcpu->route[EXIT_HYPERCALL];
    const uint32_t needed = ARCH_FAST_EFFECTS;
    bool fast = route->portal && (route->may & needed) == needed && !vcpu->tracing;
    vcpu->fast_portal = fast ? route->portal : NULL;
    vcpu->fast_badge = route->badge;
}
