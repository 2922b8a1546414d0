// What is an architecture's own in npf-pager: the devices that its machines have, and the system
// registers that belong to one of them. One file implements it for each, chosen by the build.
#pragma once

#include "servers/npf-pager/pager.h"

// All devices that can be played; NULL ends them.
extern const struct device_model *const machine_models[];

// Room for the first contents of the state, in words: the most that there can be of it.
extern uint64_t machine_initial[];
extern const uint32_t machine_words;

// Words of the state that each vCPU has for `code_compute` (emulate.h).
extern const uint32_t machine_vcpu_words;

// Answers RECORD, an access to a system register that traps. False: such exits are nothing that
// this server knows of here.
bool machine_sysreg(struct pager *pager, const struct message *record, struct reply *reply);

// Answers RECORD, a WINDOW exit. False as above.
bool machine_window(struct pager *pager, const struct message *record, struct reply *reply);

// The short way of a SYSREG exit with these words, if there is one; else it returns.
void machine_quick_sysreg(uint64_t word0, uint64_t word1);
