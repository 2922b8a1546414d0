// Raising the software interrupt, for the IPI and the legacy extension.
#pragma once

#include "servers/sbi-server/sbi/sbi.h"

// Adds to REPLY: the supervisor software interrupt becomes pending in HARTS, those that run. A hart
// that is stopped begins with nothing pending.
void ipi_raise(const struct firmware_call *call, uint64_t harts, struct reply *reply);
