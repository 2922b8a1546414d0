// Accesses of a pair of registers.
#pragma once

#include "servers/npf-pager/pager.h"

// Why ACCESS, which is a pair's and made the exit RECORD, can't be done to the registers in REGION;
// NULL: it can be.
const char *pair_refused(struct pager *pager, const struct region *region,
                         const struct pager_access *access, const struct message *record);

// Does it.
void pair_access(struct pager *pager, const struct region *region,
                 const struct pager_access *access, const struct message *record,
                 struct reply *reply);
