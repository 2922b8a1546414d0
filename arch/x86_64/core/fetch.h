// Reading the instructions of guests and of tasks.
#pragma once

#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"

// The entry that maps ADDRESS of SPACE, and how many address bits it spans; 0: there is none.
uint64_t fetch_entry(const struct space *space, uint64_t address, unsigned *bits);

// Where the last look was; begins as zeros. What is looked at together often lies in one large
// page.
struct fetch_page {
    uint64_t base, size;
    const uint8_t *seen;
};

// ADDRESS of SPACE in the core's view; NULL where no memory is mapped.
const uint8_t *fetch_seen(struct fetch_page *page, const struct space *space, uint64_t address);

// VCPU has exited by an instruction that it is to go on behind, whose length the hardware does not
// say: puts the number of its prefixes into the exit's code, from VMCB_EXIT_BITS on, and in bit 31
// whether it is single-stepped: by either the shortest answer is not for it. Where there
// are none, the address is remembered (struct arch_vcpu): of code that is written anew in its
// place, and has prefixes then, the length would be wrong.
void fetch_prefixes(struct vcpu *vcpu);
