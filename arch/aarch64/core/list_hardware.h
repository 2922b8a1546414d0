// The CPU's virtual interface to a guest: its list registers and what lies beside them. Of a GICv3
// system registers (IHI 0069, 12.4), of a GICv2 memory (IHI 0048, 5.3); what they hold is in the
// form of the former, ICH_LR<n>_EL2.
#pragma once

#include "arch/vcpu_state.h"
#include "kernel/types.h"

// The hypervisor interface of a GICv2, seen at AT; 0: the CPU's own.
void list_hardware_init(uint64_t at);

extern unsigned list_hardware_registers; // how many it has; set once

// All list registers, to and from LIST. MAINTAIN: an interrupt is asked for when at most one of
// them is in use.
void list_hardware_read(uint64_t *list);
void list_hardware_write(const uint64_t *list, bool maintain);

// The rest of it: the guest's controls, its active priorities.
void list_hardware_save(struct arch_vcpu *arch);
void list_hardware_load(const struct arch_vcpu *arch);

// Nobody's interrupts are presented.
void list_hardware_off(void);

// VALUE becomes the only one that a register holds. False: another one has a register, or that
// takes more than a few instructions.
bool list_hardware_quick(uint64_t value);
