// forward_exit is the way of an exit that a waiting server gets at once; forward_send that of all
// others, which portal_send queues if need be. A hypercall comes here only when the assembly does
// not take it, or (forward_settle) for what the assembly has left undone.
#include "kernel/exit/forward.h"

#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/vcpu.h"
#include "kernel/sched/sched.h"

// The record of an exit, but for its words.
HOT static inline void forward_fill(struct vcpu *vcpu, const struct route *route, enum exit_class c,
                                    uint32_t mode) {
    struct record *record = &vcpu->record;
    record->info = MESSAGE_INFO(c, vcpu->number, mode);
    record->pc = regs_pc(&vcpu->context.regs);
    record->badge = route->badge;
    record->seq++;
    vcpu->count[c]++;
    vcpu->state = VCPU_EXITED;
}

static struct task *forward_send(struct vcpu *vcpu, enum exit_class c, uint32_t mode) {
    const struct route *route = &vcpu->route[c];
    if (!route->portal) {
        vcpu_stop(vcpu); // init routed nothing there: it wants no such exit answered
        return NULL;
    }
    if (vcpu->tracing) {
        vcpu->trace_begin = arch_instructions();
    }
    forward_fill(vcpu, route, c, mode);
    return portal_send(route->portal, &vcpu->record);
}

COLD static struct context *forward_exit_slow(struct vcpu *vcpu, enum exit_class c, uint32_t mode) {
    struct task *server = forward_send(vcpu, c, mode);
    return server ? &server->context : sched_next(vcpu->context.cpu);
}

HOT struct context *forward_exit(struct vcpu *vcpu, enum exit_class c, uint32_t mode) {
    const struct route *route = &vcpu->route[c];
    struct portal *portal = route->portal;
    if (unlikely(!portal || !portal->waiting || vcpu->tracing)) {
        return forward_exit_slow(vcpu, c, mode);
    }
    forward_fill(vcpu, route, c, mode);
    const uint64_t *words =
        c == EXIT_HYPERCALL ? regs_words(&vcpu->context.regs) : vcpu->record.word;
    vcpu->taken = route;
    struct task *server = portal_hand_over(portal, &vcpu->record, words);
    server->exit = vcpu;
    return &server->context;
}

struct task *forward_due(struct vcpu *vcpu) {
    if (vcpu->due & DUE_WINDOW) {
        vcpu->due &= (uint8_t)~DUE_WINDOW;
        arch_vcpu_window(vcpu);
        return forward_send(vcpu, EXIT_WINDOW, 0);
    }
    vcpu->due &= (uint8_t)~DUE_DEADLINE;
    vcpu->record.word[0] = vcpu->passed;
    vcpu->record.word[1] = arch_now();
    return forward_send(vcpu, EXIT_TIMER, vcpu->state == VCPU_PARKED);
}

COLD void forward_settle_slow(struct cpu *cpu) {
    struct vcpu *vcpu = cpu->fast;
    struct portal *portal = vcpu->fast_portal;
    struct task *server = portal->waiting;
    struct record *record = &vcpu->record;
    cpu->fast = NULL;
    portal->waiting = NULL;
    arch_vcpu_settle(vcpu);
    record->info = vcpu->fast_info;
    record->pc = regs_pc(&vcpu->context.regs);
    record->badge = vcpu->fast_badge;
    record->portal = portal;
    record->server = server;
    vcpu->state = VCPU_EXITED;
    server->serving = record;
    server->state = TASK_READY;
}
