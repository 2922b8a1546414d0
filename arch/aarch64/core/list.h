// List registers: the virtual interrupts that a guest has pending or active, as the CPU's virtual
// interface presents them to it (GICv3, chapter 6). What finds no free one waits in arch_vcpu, and
// a maintenance interrupt says when there is room.
#pragma once

#include "kernel/object/vcpu.h"

// How many list registers this CPU has.
void list_init(void);

// Makes virtual INTID pending with PRIORITY (0: the highest); the guest's timer (27) is tied to the
// physical one, which the guest's own end of it deactivates. Nothing happens to one that is
// pending.
void list_raise(struct vcpu *vcpu, uint32_t intid, uint8_t priority);

// One that is pending and not active is so no more.
void list_clear(struct vcpu *vcpu, uint32_t intid);

// One that is active is so no more, as if the guest had ended it.
void list_deactivate(struct vcpu *vcpu, uint32_t intid);

// What the guest has of it: enum vcpu_look bits.
uint64_t list_look(const struct vcpu *vcpu, uint32_t intid);

// True when any is pending.
bool list_pending(const struct vcpu *vcpu);

// Room has come, or may have.
void list_refill(struct vcpu *vcpu);

// Between the hardware and arch_vcpu, when the vCPU is unloaded and loaded.
void list_save(struct vcpu *vcpu);
void list_load(struct vcpu *vcpu);
