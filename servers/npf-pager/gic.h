// A VM's interrupt controller, a GICv3 ("arm,gic-v3") in two regions of registers, or a GICv2
// ("arm,gic-400") in one; its CPU interface is the machine's, passed through. What it makes of an
// access or of a device's line becomes part of the commit of that; what is due then is given
// to the core behind the commit (libs/vgic/vgic.h says why nothing is lost or doubled by that).
// Where a VM has none, nothing happens.
#pragma once

#include "servers/npf-pager/pager.h"

extern const struct device_model gic_distributor;
extern const struct device_model gic_redistributors; // the same machine: no state of their own
extern const struct device_model gic_banked;         // a GICv2's distributor

// A device's LINE, a number as in the config's entry for it, has that LEVEL now: a part of the next
// commit. 0 is no line.
void gic_line(struct pager *pager, const struct pager_vm *vm, uint32_t line, bool level);

// Ends the changes of a commit: what has become due is part of it. Behind the commit that is given.
void gic_prepare(struct pager *pager, const struct pager_vm *vm);
void gic_settle(struct pager *pager, const struct pager_vm *vm);

// Whether VM has a GICv3, whose CPU interface is in system registers.
bool gic_has_registers(const struct pager *pager, const struct pager_vm *vm);

// Answers RECORD, a write to ICC_SGI1R_EL1. False: its VM has no GICv3.
bool gic_send(struct pager *pager, const struct message *record, struct reply *reply);

// Answers RECORD, a WINDOW exit. False: its VM has no such controller.
bool gic_window(struct pager *pager, const struct message *record, struct reply *reply);
