// Which fields of which objects an attempt may change. See oracle.h.
#pragma once

#include "kernel/object/vcpu.h"
#include "tests/fuzz/forged/oracle.h"

// What the answer to an exit may do beyond fields.
struct rules_reply {
    struct vcpu *vcpu; // NULL: no exit is answered
    bool refused;      // it may do nothing at all, and is to come back
    uint64_t effects;  // enum reply_flag and the numbers beside them
    uint64_t targets;  // of RAISE and FENCE: vCPUs of the same VM, by number
};
extern struct rules_reply rules_reply;

// Works it out for ATTEMPT, before it happens.
void rules_begin(const struct attempt *attempt);

// May the byte at AT change?
bool rules_allow(const void *at);
