// Accesses of a pair of registers, and such as change their base register.
#pragma once

#include "libs/insn/insn.h"
#include "servers/npf-pager/pager.h"

// What INSN, a pair or one that changes its base register, adds to ACCESS, which has all else.
void pair_keep(struct pager_access *access, struct insn_access insn);

// Why ACCESS, which is a pair's and made the exit RECORD, can't be done to the registers in REGION;
// NULL: it can be.
const char *pair_refused(struct pager *pager, const struct region *region,
                         const struct pager_access *access, const struct message *record);

// Does it.
void pair_access(struct pager *pager, const struct region *region,
                 const struct pager_access *access, const struct message *record,
                 struct reply *reply);
