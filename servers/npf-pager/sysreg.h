// System registers of aarch64 that trap, and belong to no device.
#pragma once

#include "servers/npf-pager/pager.h"

// Answers RECORD, an access to one. HAS_GIC_REGISTERS: as idregs_value has it.
void sysreg_serve(const struct message *record, bool has_gic_registers, struct reply *reply);

// Answers the exit in rt_record, with these words, if it was answered before: a kernel without a
// seed asks whether there are random numbers (ID_AA64ISAR0_EL1) tens of thousands of times. Else it
// returns.
void sysreg_quick(uint64_t iss, uint64_t physical);
