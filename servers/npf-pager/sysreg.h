// System registers of aarch64 that trap, and belong to no device.
#pragma once

#include "servers/npf-pager/pager.h"

// Answers RECORD, an access to one.
void sysreg_serve(const struct message *record, struct reply *reply);
