// Port accesses whose operand is in memory.
#pragma once

#include "servers/sbi-server/pc/pc.h"

// The access FUNCTION, of which the hardware has said that it is a string instruction's: brings one
// element from the guest's memory to it, or back. REPEATS: with REP. Answers by REPLY; returns what
// is to be done, or that the instruction could not be read: then nothing has happened.
#define STRING_UNREADABLE UINT32_MAX
uint32_t string_access(struct firmware_call *call, struct reply *reply, port_function *function,
                       struct port_access *access, bool repeats);
