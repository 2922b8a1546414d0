// Which vCPUs run, for the calls that start and stop them. They are started and stopped by the
// answer itself; the state says which are which, and the specifications' own numbers.
#pragma once

#include "servers/sbi-server/firmware.h"

enum power { POWER_ON = 0, POWER_OFF = 1 };

// vCPU NUMBER of the VM that calls; NULL: it has none of that number.
const struct firmware_vcpu_state *power_find(const struct firmware_call *call, uint64_t number);

// Makes it part of the next commit that TARGET, which is off, is on, and that REPLY, which starts
// it (REPLY_START, firmware_fill_start), was the answer.
uint32_t power_on(struct firmware_call *call, const struct firmware_vcpu_state *target,
                  const struct reply *reply);

// Fills REPLY: the vCPU that calls stops. Part of the next commit.
uint32_t power_off(struct firmware_call *call, struct reply *reply);

// The core refused to start the vCPU that CALL (of which only who calls is known now) asked for.
uint32_t power_refused(struct firmware_call *call, struct reply *reply);
