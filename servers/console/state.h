// What a console server leaves to the one that follows it: where on the screen it was, and what of
// the input is on its way. Every field is one word, and they change one by one, in an order in
// which a death between any two changes neither loses nor doubles a byte. So they change in place,
// in the state region's active slot: a commit for every byte would cost more than the byte.
#pragma once

#include <assert.h>
#include <stdint.h>

#include "ipc/state.h"

#define CONSOLE_STATE_VERSION 2u

#define CONSOLE_NOBODY UINT64_MAX

// What the byte that is written counts in: below CONSOLE_CLIENTS, that client's ring.
enum console_target {
    CONSOLE_TARGET_PREFIX = 0x100,
    CONSOLE_TARGET_BREAK,
    CONSOLE_TARGET_SHOWN,
    CONSOLE_TARGET_ERASE,
};

// The word `input`. One word, so that where the next byte goes changes in the same store that says
// that this one has arrived.
enum console_input {
    CONSOLE_INPUT_BYTE = 0xff,     // the byte, if TYPED
    CONSOLE_INPUT_TYPED = 0x100,   // it was taken from the UART, and may not have been delivered
    CONSOLE_INPUT_MONITOR = 0x200, // what is typed goes to the monitor, else to a guest
    CONSOLE_INPUT_FRESH = 0x400,   // the escape key was the last before it, and led to the monitor
    CONSOLE_INPUT_END = 0x800,
};

// Version 1, which knew no monitor.
struct console_state_1 {
    uint64_t open, ends, prefix, breaks, target, told;
};

struct console_state {
    uint64_t open;   // the client whose unfinished line is the last on the screen, or
                     // CONSOLE_NOBODY
    uint64_t ends;   // that line has ended when so many of the client's bytes are written
    uint64_t prefix; // bytes of that client's prefix that are written
    uint64_t breaks; // 1: a line was cut short, the newline that ends it is to be written next
    uint64_t target; // enum console_target, or a client's number
    uint64_t told;   // 1: init knows that everything is written
    uint64_t input;  // enum console_input
    uint64_t
        place; // not 0: the head of the ring that the byte in `input` goes to, once it is there
    uint64_t shown;  // of the monitor's bytes so many are on the screen, its last line's included
    uint64_t erase;  // 0: nothing is to be erased; else one more than the bytes written for it
    uint64_t repair; // not 0: what the count of the last byte has to be; the server that wrote that
                     // byte died before it had counted it
};

static_assert(sizeof(struct console_state_1) == 48, "slots of this size are version 1");
static_assert(sizeof(struct console_state) == 88, "slots of this size are version 2");
