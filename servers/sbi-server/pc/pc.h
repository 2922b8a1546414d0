// What a PC is to x86_64's guests: the hypervisor's calls (VMMCALL) and ports. What guests may
// expect is said to them in arch/x86_64/guest/hypervisor.h.
//
// The record of a call has the guest's RAX, RSI, RDX, R10, R8, R9, R12, R13; RAX says what is
// called, and is the result. The record of a port access has what the hardware says of it, RAX, and
// the instruction's length.
#pragma once

#include "servers/sbi-server/firmware.h"

// RAX's low byte, for a character in its second one; or all of RAX.
#define PC_PUT_CHARACTER 0x01u
#define PC_OFF 0x84000008u
#define PC_RESET 0x84000009u

#define PC_DONE UINT64_C(0)

// EXITINFO1 of a port access (APM volume 2, 15.10.2).
#define PORT_IN (1u << 0)
#define PORT_STRING (1u << 2)
#define PORT_REPEAT (1u << 3)
#define PORT_SIZE(info) ((unsigned)((info) >> 4 & 7)) // in bytes: 1, 2 or 4
#define PORT_NUMBER(info) ((uint32_t)((info) >> 16 & 0xffff))

// Exceptions.
#define PC_UNDEFINED 6

// One access: of bytes that lie next to each other.
struct port_access {
    uint32_t port;
    unsigned size;
    bool in;
    uint32_t value; // written; all ones, to be changed, where it is read
};

// A device behind ports: does ACCESS, whose value it fills where that is read. Returns what is to
// be done, and keeps nothing: that is the caller's, for all of it at once.
typedef uint32_t port_function(struct firmware_call *call, struct port_access *access);
