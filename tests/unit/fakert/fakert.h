// The server runtime without a core: a server's own main runs, gets the records that a test wrote
// down, and what it asks of the core is written down too. It ends when the records are used up,
// when it ends itself, or when the test kills it at a chosen request.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/rt/rt.h"

#define FAKERT_ENTRIES 64
#define FAKERT_RECORDS 64
#define FAKERT_REQUESTS 256
#define FAKERT_REGISTERS 32

enum fakert_end {
    FAKERT_WAITING, // it waits for the next record, and there is none
    FAKERT_DIED,    // rt_die; fakert.text says why
    FAKERT_REFUSED, // it did not take over what is there; fakert.refused says why
    FAKERT_KILLED,  // at request number fakert.kill_at
    FAKERT_LEFT,    // main returned
};

// What a server asked of the core.
enum fakert_kind {
    FAKERT_CALL,
    FAKERT_SIGNAL,
    FAKERT_SIGNAL_LATER,
    FAKERT_VCPU_READ,
    FAKERT_INTERRUPT,
    FAKERT_FETCH,
    FAKERT_LOG,
};

struct fakert_request {
    enum fakert_kind kind;
    unsigned slot; // portal or vCPU
    // Of a CALL; of VCPU_READ the register; of INTERRUPT its arguments; of FETCH the address.
    uint64_t word[MESSAGE_WORDS];
    uint32_t answered; // how many records had been answered before
};

struct fakert {
    // What the server is given. A test fills these in.
    uint64_t now;
    uint64_t reg[FAKERT_REGISTERS];
    uint64_t instruction;
    uint64_t (*on_fetch)(uint64_t pc); // in place of `instruction`
    bool fetch_fails;
    bool is_stopped; // the vCPU: its registers are not shown any more
    // What guests' CPUs have of an interrupt; NULL: nothing. And what becomes of one.
    uint64_t (*on_look)(unsigned vcpu, unsigned interrupt);
    void (*on_interrupt)(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                         uint64_t number);
    bool has_register_0; // that holds something: not so riscv64's
    enum status call_status;
    unsigned kill_at; // the request at which it is killed, counted from 1; 0: none
    // The reply to a CALL, in place of the request's words; NULL: all zeros.
    void (*on_call)(unsigned portal, struct rt_words *words);

    // What it did.
    uint32_t version; // of the state that it writes, as it told init
    enum status refused;
    uint32_t answered;
    struct message answered_record[FAKERT_RECORDS];
    struct reply answer[FAKERT_RECORDS];
    uint32_t requests;
    struct fakert_request request[FAKERT_REQUESTS];
    char text[512]; // the last line logged
};

extern struct fakert fakert;

// Begins anew: no config entries, no records, nothing done.
void fakert_reset(void);

// Adds an entry to the config and returns it, to be filled in.
struct config_entry *fakert_entry(const char *name, enum config_kind kind);

void fakert_timebase(uint64_t ticks);

// Adds a record to those that the server gets when it waits.
void fakert_send(const struct message *record);

// A record of class C, from vCPU VCPU of the VM with number BADGE, with the sequence number SEQ.
struct message fakert_record(enum exit_class c, uint64_t badge, unsigned vcpu, uint64_t seq);

// Who gets hypercalls: rt_hypercall, unless a program that holds two servers says which one's.
typedef void fakert_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                              uint64_t a5, uint64_t a6, uint64_t a7);
extern fakert_hypercall *fakert_on_hypercall;

// Runs the server whose main is ENTRY until one of enum fakert_end.
enum fakert_end fakert_run(int (*entry)(void));

// The only record of a test that has sent one, answered.
const struct reply *fakert_only_answer(void);

// How many requests of KIND there were.
unsigned fakert_count(enum fakert_kind kind);

// The NUMBERth request of KIND, from 0; NULL when there are fewer.
const struct fakert_request *fakert_find(enum fakert_kind kind, unsigned number);

// Whether the core would take REPLY as the answer to RECORD, as far as it can be told without
// capabilities: kernel/exit/commit.c's rules, said a second time.
bool fakert_is_valid(const struct message *record, const struct reply *reply);
