// The firmware of guests: the SBI specification 2.0, as pure functions of a record and of the
// server's state. What a call does to the world outside of the reply is left to the receive loop's
// side (serve.c), which is told by enum sbi_todo, so that the order of effects stands in one place.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/init.h"
#include "ipc/message.h"
#include "ipc/ring.h"
#include "ipc/status.h"
#include "libs/rt/rt.h"
#include "libs/state/state.h"
#include "servers/sbi-server/spec.h"
#include "servers/sbi-server/state.h"

#define SBI_RANGES 8    // of one VM's RAM
#define SBI_NUMBERS 256 // that VMs can have: the badges of their exits

// A part of guest RAM that this server has mapped.
struct sbi_range {
    uint64_t guest; // guest-physical address
    uint64_t size;
    uint8_t *memory;
    bool writable;
};

struct sbi_vm {
    uint32_t vcpus;
    uint32_t first; // place of its first vCPU in struct sbi_state
    uint32_t range_count;
    struct sbi_range range[SBI_RANGES];
    struct ring *out; // NULL: no console
    struct ring *in;  // NULL: no input
};

struct sbi {
    struct state state;
    unsigned console; // slots of portals
    unsigned init;
    uint32_t vm_count;
    struct sbi_vm vm[SBI_VMS];
    uint8_t place[SBI_NUMBERS]; // of a VM in `vm`, by its number, plus one; 0: there is none
    // The vCPU that the last answer was to start, as its place in struct sbi_state plus one, and
    // that answer's call: for the case that the core refuses it.
    uint32_t starting;
    uint64_t starting_seq;
};

// What has to be done around an answer. Listed in the order in which it is done.
enum sbi_todo {
    SBI_FLUSH = 1 << 0,  // nothing was done: have the console emptied, then call again
    SBI_COMMIT = 1 << 1, // commit the state
    SBI_OUTPUT = 1 << 2, // publish the console's head, signal the console
    SBI_INPUT = 1 << 3,  // publish the input's tail
    SBI_END = 1 << 4,    // tell init that the VM has ended
};

// One call being served.
struct sbi_call {
    struct sbi *sbi;
    const struct sbi_vm *vm;
    const struct sbi_state *state; // as last committed
    const struct sbi_vcpu_state *own;
    const uint64_t *argument; // a0…a7
    uint64_t seq;
    uint32_t place; // of the VM, in struct sbi and in the state
    uint32_t vcpu;  // the hart that calls
    bool flushed;   // SBI_FLUSH was done; asking for it again is no use
    enum vm_end end;
    uint64_t reason; // of SBI_END
};

// A function of an extension: fills REPLY, which arrives zeroed, and returns enum sbi_todo bits.
typedef uint32_t sbi_function(struct sbi_call *call, struct reply *reply);

struct sbi_extension {
    sbi_function *const *function; // by function number; legacy extensions: by extension number
    uint32_t count;
    bool legacy;
};

extern const struct sbi_extension sbi_legacy, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst, sbi_dbcn;

// Whether there is an extension EID (quick.c).
bool sbi_has(uint64_t eid);

// The extension EID where it is one of those that take the long way, else NULL (quick.c).
const struct sbi_extension *sbi_find(uint64_t eid);

// Forms the VMs from CONFIG. INVALID where that contradicts itself, NO_MEMORY where it is more than
// this server has room for; *WRONG names the entry.
NODISCARD enum status sbi_configure(struct sbi *sbi, const struct config *config,
                                    const char **wrong);

// Takes over the state in the region, or begins it. The errors are state_open's.
NODISCARD enum status sbi_adopt(struct sbi *sbi, void *region, size_t size);

// Makes this version's state from an older one's: struct state_layout's `migrate` (state.c).
enum status sbi_migrate(uint32_t version, const void *from, uint32_t size_from, void *to);

// Fills CALL from RECORD. False: it is from a vCPU that the config does not know.
bool sbi_begin(struct sbi *sbi, const struct message *record, struct sbi_call *call);

// Answers CALL, from the state when its sequence number was seen before.
uint32_t sbi_handle(struct sbi_call *call, struct reply *reply);

// The words of REPLY_START, which are the call's own arguments.
void sbi_fill_start(const struct sbi_call *call, struct reply *reply);

// The core refused to start the vCPU that CALL (of which only who calls is known now) asked for.
uint32_t sbi_hsm_refused(struct sbi_call *call, struct reply *reply);

// Answers a trapped system register access or privileged instruction; NOW is the guest's time.
void sbi_sysreg(const struct message *record, uint64_t now, struct reply *reply);

// The server: rt_serve's handler over a struct sbi, and what it does before it receives (serve.c).
void sbi_resume(const struct sbi *sbi);
rt_handler sbi_serve;

// An answer that does nothing but return ERROR and VALUE.
static inline uint32_t sbi_return(struct reply *reply, enum sbi_error error, uint64_t value) {
    reply->flags = REPLY_HYPERCALL;
    reply->word[0] = (uint64_t)(int64_t)error;
    reply->word[1] = value;
    return 0;
}

// The same, with effects in FLAGS whose words the caller sets.
static inline uint32_t sbi_return_with(struct reply *reply, uint64_t flags, uint64_t value) {
    reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | flags;
    reply->word[0] = SBI_SUCCESS;
    reply->word[1] = value;
    return 0;
}

// Makes the answer part of the next commit: should the call come again, this is what it gets.
// Returns SBI_COMMIT (state.c).
uint32_t sbi_keep(struct sbi_call *call, const struct reply *reply);
