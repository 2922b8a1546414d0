// A guest's local interrupt controllers (x86_64) are played by one server, and their registers can
// be reached in two ways: by MSRs, whose exits go to that server, and in a page of memory, whose
// exits go to the server of nested page faults. That one passes them on by a call.
#pragma once

#include <stdint.h>

enum lapic_op {
    // An access of 4 bytes to the page of registers (APM volume 2, 16.3.2).
    //   word[1]  the VM's number: the badge of its exits
    //   word[2]  the vCPU's number in its VM
    //   word[3]  the offset in the page, a multiple of 4; with LAPIC_WRITE for a store
    //   word[4]  what is stored
    //   word[5]  the exit's sequence number. A call with that of the last exit or call of that vCPU
    //            that had an effect is the same access once more: it has none again
    // Reply: word[0] a status, NOT_FOUND: there is no such VM or vCPU; [1] what was loaded;
    // [2] the deadline that the vCPU has behind the access, DEADLINE_NEVER: none. The caller arms
    // it when it answers a store.
    LAPIC_ACCESS,
};

#define LAPIC_WRITE (1ull << 32)
#define LAPIC_OFFSET(word) ((uint32_t)(word))
