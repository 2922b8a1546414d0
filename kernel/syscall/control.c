// TASK and VCPU: start, stop, set up, inspect.
#include "arch/task.h"
#include "arch/time.h"
#include "arch/vcpu.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/vcpu.h"
#include "kernel/syscall/syscall.h"

static enum status control_receive(struct task *task) {
    task->receive_pc = syscall_arg(task, 1);
    task->receive_sp = syscall_arg(task, 2);
    task->receive_tp = syscall_arg(task, 3);
    task->fixup.begin = syscall_arg(task, 4);
    task->fixup.end = syscall_arg(task, 5);
    task->fixup.resume = syscall_arg(task, 6);
    task->exit = NULL; // a new server says this over its first record: its answer goes the long way
    return STATUS_OK;
}

static enum status control_fetch(struct task *task) {
    uint64_t instruction = 0;
    if (!task->guest_right || !task->serving || task->serving->owner != RECORD_VCPU) {
        return STATUS_DENIED;
    }
    struct vcpu *vcpu = container_of(task->serving, struct vcpu, record);
    enum status status = arch_vcpu_fetch(vcpu, syscall_arg(task, 1), &instruction);
    syscall_result(task, 0, instruction);
    return status;
}

enum status syscall_task(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t op = syscall_arg(task, 0);
    if (op == TASK_RECEIVE) {
        return control_receive(task);
    }
    if (op == TASK_FETCH) {
        return control_fetch(task);
    }
    struct task *other = cap_object(task, syscall_selector(task), OBJECT_TASK,
                                    op == TASK_READ ? RIGHT_R : RIGHT_MANAGE, &status);
    if (!other) {
        return status;
    }
    switch (op) {
    case TASK_START:
        if (other->state != TASK_NEW) {
            return STATUS_BUSY;
        }
        task_start(other, syscall_arg(task, 1), syscall_arg(task, 2), syscall_arg(task, 3),
                   syscall_arg(task, 4));
        return STATUS_OK;
    case TASK_STOP:
        if (other->state == TASK_DEAD) {
            return STATUS_BUSY;
        }
        task_die(other, FAULT_STOPPED, syscall_arg(task, 1), 0);
        return STATUS_OK;
    case TASK_READ:
        syscall_result(task, 0, other->state);
        syscall_result(task, 1, regs_pc(&other->context.regs));
        syscall_result(task, 2, other->serving ? other->serving->seq : 0);
        syscall_result(task, 3, other->receive_pc);
        syscall_result(task, 4, other->portal ? other->portal->pause : 0);
        syscall_result(task, 5, regs_returned(&other->context.regs));
        return STATUS_OK;
    case TASK_GUEST:
        if (other->guest_right && other->state != TASK_NEW) {
            return STATUS_BUSY; // what it is shown just now may be in its saved registers
        }
        other->guest_right = syscall_arg(task, 1) == 1;
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}

// READ: only while the caller serves this vCPU's exit, and only what the route shows.
static enum status control_read(struct task *task, struct vcpu *vcpu) {
    uint64_t reg = syscall_arg(task, 1);
    const struct route *route = &vcpu->route[MESSAGE_CLASS(vcpu->record.info)];
    if (task->serving != &vcpu->record || reg >= 32 || !(route->read_mask >> reg & 1)) {
        return STATUS_DENIED;
    }
    syscall_result(task, 0, regs_get(&vcpu->context.regs, (unsigned)reg));
    return STATUS_OK;
}

// INTERRUPT: an output of whoever plays the guest's interrupt controller.
static enum status control_interrupt(struct task *task, struct vcpu *vcpu) {
    uint64_t number = syscall_arg(task, 3);
    if (number <= vcpu->output) {
        return STATUS_OK; // it was done, and then the server died
    }
    enum status status = arch_vcpu_interrupt(vcpu, syscall_arg(task, 1), syscall_arg(task, 2));
    if (status == STATUS_OK) {
        vcpu->output = number;
        vcpu_look_again(vcpu); // x86_64's HLT, for one, must not end without an interrupt
    }
    return status;
}

// The rights that operations need; those that stand for nothing: MANAGE.
static const uint8_t vcpu_rights[] = {
    [VCPU_READ] = RIGHT_R,  [VCPU_COUNTERS] = RIGHT_R, [VCPU_TIMES] = RIGHT_R,
    [VCPU_STATE] = RIGHT_R, [VCPU_LOOK] = RIGHT_R,     [VCPU_INTERRUPT] = RIGHT_W,
};

enum status syscall_vcpu(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t op = syscall_arg(task, 0), argument = syscall_arg(task, 1), found = 0;
    unsigned right = op < sizeof(vcpu_rights) && vcpu_rights[op] ? vcpu_rights[op] : RIGHT_MANAGE;
    struct vcpu *vcpu = cap_object(task, syscall_selector(task), OBJECT_VCPU, right, &status);
    if (!vcpu) {
        return status;
    }
    switch (op) {
    case VCPU_START:
        return vcpu_start(vcpu, argument, syscall_arg(task, 2), syscall_arg(task, 3));
    case VCPU_STOP:
        vcpu_stop(vcpu);
        return STATUS_OK;
    case VCPU_READ:
        return control_read(task, vcpu);
    case VCPU_COUNTERS:
    case VCPU_TIMES:
        for (unsigned i = 0; i < EXIT_GUEST_CLASSES; i++) {
            syscall_result(task, i, op == VCPU_TIMES ? vcpu->spent[i] : vcpu_count(vcpu, i));
        }
        return STATUS_OK;
    case VCPU_TRACE:
        vcpu->tracing = argument == 1;
        vcpu->trace_begin = arch_instructions(); // the exit pending now counts from now on
        vcpu_update_fast(vcpu);
        return STATUS_OK;
    case VCPU_FEATURES:
        return vcpu->state == VCPU_OFF ? arch_vcpu_features(vcpu, argument) : STATUS_BUSY;
    case VCPU_STATE:
        syscall_result(task, 0, vcpu->state);
        syscall_result(task, 1, regs_pc(&vcpu->context.regs));
        syscall_result(task, 2, vcpu->record.seq);
        return STATUS_OK;
    case VCPU_LOOK:
        status = arch_vcpu_look(vcpu, argument, &found);
        if (status == STATUS_OK) {
            syscall_result(task, 0, found);
        }
        return status;
    case VCPU_INTERRUPT:
        return control_interrupt(task, vcpu);
    default:
        return STATUS_INVALID;
    }
}
