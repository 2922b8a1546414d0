// A record: one exit, call, signal, interrupt or fault on its way to a server and back. It lives
// in whoever waits for the answer, never in the server: that is why a server's death loses
// nothing.
#pragma once

#include "ipc/message.h"
#include "kernel/types.h"

struct portal;
struct task;

// In what the record is embedded.
enum record_owner { RECORD_VCPU, RECORD_CALL, RECORD_SIGNAL, RECORD_IRQ, RECORD_FAULT };

struct record {
    struct portal *portal; // where it is pending; NULL: nothing is pending
    struct task *server;   // who serves it; NULL: it stands in the portal's queue
    struct record *next;   // in the portal's queue
    uint64_t word[MESSAGE_WORDS];
    uint64_t info; // as in struct message, attempts included
    uint64_t pc;
    uint64_t seq;
    uint64_t badge;
    uint8_t owner; // enum record_owner
};
