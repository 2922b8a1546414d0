// What x86_64's guests do by VMMCALL and at ports, in the world of tests/unit/sbi.
#pragma once

#include "tests/unit/sbi/world.h"

#define PORT_LENGTH 2 // of an instruction
#define RDX 0x2222    // what the guest has there when it calls

// The record of a call with RAX, not served yet; and its answer from vCPU 0 of VM 0, which leaves
// RDX what it was.
struct message pc_call_record(uint64_t vm, uint64_t rax);
struct reply pc_call(uint64_t rax);

// The record of an access of SIZE bytes at PORT with RAX; FLAGS are EXITINFO1's, 1 for IN.
struct message pc_port_record(uint64_t vm, unsigned flags, unsigned port, unsigned size,
                              uint64_t rax);

// IN, with all of RAX as it is then; OUT.
uint64_t pc_in(unsigned port, unsigned size, uint64_t rax);
void pc_out(unsigned port, unsigned size, uint64_t rax);
