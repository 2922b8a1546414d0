// The end of a VM, for the SRST and the legacy extension.
#pragma once

#include "servers/sbi-server/sbi.h"

// init is told how the VM ended, then the hart that asked stops; the others are init's to stop. Not
// written down: a call that comes again tells init again, which knows that the VM has ended.
uint32_t srst_end(struct sbi_call *call, struct reply *reply, enum vm_end end, uint64_t reason);
