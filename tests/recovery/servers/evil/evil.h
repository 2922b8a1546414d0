// A server that was taken over: it has what the manifest gives to the server whose place it takes,
// knows where everything else lies, and tries to get there. It is linked like any other.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/message.h"
#include "ipc/syscall.h"
#include "libs/rt/rt.h"

// What it has done so far, in the first page of its state region, which it otherwise leaves alone;
// read from outside of the machine (tests/system/compromised.py).
#define EVIL_MAGIC 0x4c495645u // "EVIL"

// In the list of what was done, behind the system calls' own numbers.
enum evil_done { EVIL_TASK = 13, EVIL_VCPU, EVIL_FETCH, EVIL_INVALID, EVIL_DONE };

struct evil_tally {
    uint32_t magic;
    uint32_t reserved;
    uint64_t random; // where its random numbers go on after a death
    uint64_t records;
    uint64_t exits;           // of those, and refusals of answers to them
    uint64_t calls;           // system calls, without answers
    uint64_t done[EVIL_DONE]; // those that the core did, by number or enum evil_done
    uint64_t refused;         // answers that were
    uint64_t answers;         // with effects
    uint64_t deaths[16];      // by enum evil_death
    uint64_t outlived[16];    // forbidden things that had to kill it and did not
};

extern struct evil_tally *evil_tally;

// numbers.c

// Numbers as an attacker chooses them: small ones, addresses of others, edges, noise.
uint64_t evil_random(void);
uint64_t evil_below(uint64_t limit);
uint64_t evil_number(void);

// calls.c: COUNT system calls, each of any kind.
void evil_calls(unsigned count);

// memory.c: writes nonsense into everything that is its own to write.
void evil_scribble(void);

// deaths.c: what a task may not do; it does not come back, unless the core lets it.
enum evil_death {
    EVIL_LOAD_CORE,
    EVIL_STORE_CORE,
    EVIL_LOAD_OTHER,
    EVIL_STORE_OTHER,
    EVIL_STORE_TEXT,
    EVIL_STORE_CONFIG,
    EVIL_JUMP_CORE,
    EVIL_JUMP_DATA,
    EVIL_PRIVILEGED,
    EVIL_GUEST_MEMORY, // where it has no right to it
    EVIL_BREAKPOINT,
    EVIL_STACK,
    EVIL_HANG,
    EVIL_EXIT,
    EVIL_RECEIVE, // it names a receive entry that is none
    EVIL_DEATHS,
};

void evil_die(enum evil_death how);
