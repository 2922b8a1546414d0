// sbi-server's own main over the fake runtime, with two VMs: number 0 with two harts, a console
// both ways and RAM in two ranges that touch; number 1 with one hart and nothing but a console's
// output. Which interface it is linked with, SBI or PSCI, is the test's.
#pragma once

#include "ipc/ring.h"
#include "servers/sbi-server/firmware.h"
#include "tests/unit/fakert/fakert.h"
#include "tests/unit/fakert/step.h"

#define WORLD_CONSOLE 5 // slots
#define WORLD_INIT 6
#define WORLD_OTHER 7 // the other VM's number

#define WORLD_RAM 0x80000000ull // guest-physical
#define WORLD_RAM_SIZE 0x3000u
#define WORLD_SECOND (WORLD_RAM + 0x1000) // where the second range begins: not writable

// All memory that outlives the server.
struct world {
    uint8_t state[8192];
    struct ring out[2];
    struct ring in;
    uint8_t ram[WORLD_RAM_SIZE];
};

extern struct world *world;

// servers/sbi-server/main.c's main.
int sbi_server_main(void);

// Who serves world_serve and world_call; sbi_server_main if a test says nothing else.
extern int (*world_server)(void);

// A new world; cmocka's set-up function.
int world_begin(void **unused);

// What rt_config holds for the server, for a server that is to go on in this world.
void world_config(void);

// The record of a hypercall with WORDS, not served yet. The sequence number is one more than the
// last of that hart.
struct message world_hypercall(uint64_t vm, unsigned hart, const uint64_t words[MESSAGE_WORDS]);

// One hypercall, by SBI's registers, of hart HART of VM number VM, and its answer. Each is answered
// by a server that has just started and knows only the state.
struct reply world_call_from(uint64_t vm, unsigned hart, uint64_t eid, uint64_t fid, uint64_t a0,
                             uint64_t a1, uint64_t a2);

// The same from hart 0 of VM 0.
struct reply world_call(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2);

// The record of such a call, not served yet.
struct message world_record(uint64_t vm, unsigned hart, uint64_t eid, uint64_t fid, uint64_t a0,
                            uint64_t a1, uint64_t a2);

// Serves RECORD by a server that has just started.
struct reply world_serve(const struct message *record);

// A plain answer.
void world_expect(struct reply reply, int64_t error, uint64_t value);

// The guest types.
void world_type(const char *text);

// What VM's guest has written and the console may see, since the test began; as a C string.
const char *world_output(unsigned vm);
