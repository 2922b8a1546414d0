// System registers of aarch64 that trap, and belong to no device.
#pragma once

#include "servers/npf-pager/pager.h"

// Answers RECORD, an access to one. HAS_GIC_REGISTERS: as idregs_value has it.
void sysreg_serve(const struct message *record, bool has_gic_registers, struct reply *reply);
