// What a console server leaves to the one that follows it: where on the screen it was. Every field
// is one word, and they change one by one, in an order in which a death between any two changes
// neither loses nor doubles a byte. So they change in place, in the state region's active slot: a
// commit for every byte would cost more than the byte.
#pragma once

#include <assert.h>
#include <stdint.h>

#include "ipc/state.h"

#define CONSOLE_STATE_VERSION 1u

#define CONSOLE_NOBODY UINT64_MAX

// What the byte that is written counts in: below CONSOLE_CLIENTS, that client's ring.
enum console_target { CONSOLE_TARGET_PREFIX = 0x100, CONSOLE_TARGET_BREAK };

struct console_state {
    uint64_t open;   // the client whose unfinished line is the last on the screen, or
                     // CONSOLE_NOBODY
    uint64_t ends;   // that line has ended when so many of the client's bytes are written
    uint64_t prefix; // bytes of that client's prefix that are written
    uint64_t breaks; // 1: a line was cut short, the newline that ends it is to be written next
    uint64_t target; // enum console_target, or a client's number
    uint64_t told;   // 1: init knows that everything is written
};

static_assert(sizeof(struct console_state) == 48, "slots of this size are version 1");
