// A VM's interrupt controller, a GICv3 ("arm,gic-v3"), in two regions of registers.
#pragma once

#include "servers/npf-pager/pager.h"

extern const struct device_model gic_distributor;
extern const struct device_model gic_redistributors; // the same machine: no state of their own

// Answers RECORD, a write of VALUE to ICC_SGI1R_EL1. False: its VM has no such controller.
bool gic_send(struct pager *pager, const struct message *record, uint64_t value,
              struct reply *reply);
