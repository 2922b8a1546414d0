// The firmware of guests, as pure functions of a record and of the server's state. What a call does
// to the world outside of the reply is left to the receive loop's side (serve.c), which is told by
// enum firmware_todo, so that the order of effects stands in one place.
// What a guest calls is its architecture's: the folder sbi/ has riscv64's SBI 2.0, the folder psci/
// aarch64's PSCI 1.1 and SMCCC, the folder pc/ what a PC is to x86_64's: calls of the hypervisor,
// and ports. This folder has what they share.
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
#include "servers/sbi-server/state.h"

#define FIRMWARE_RANGES 8    // of one VM's RAM
#define FIRMWARE_NUMBERS 256 // that VMs can have: the badges of their exits

// A part of guest RAM that this server has mapped.
struct firmware_range {
    uint64_t guest; // guest-physical address
    uint64_t size;
    uint8_t *memory;
    bool writable;
};

struct firmware_vm {
    uint32_t vcpus;
    uint32_t first; // place of its first vCPU in struct firmware_state
    uint32_t range_count;
    struct firmware_range range[FIRMWARE_RANGES];
    struct ring *out; // NULL: no console
    struct ring *in;  // NULL: no input
    uint32_t slots;
    unsigned slot[FIRMWARE_VCPUS]; // capabilities of its vCPUs, to read registers; or none
};

struct firmware {
    struct state state;
    unsigned console; // slots of portals
    unsigned init;
    uint32_t vm_count;
    struct firmware_vm vm[FIRMWARE_VMS];
    uint8_t place[FIRMWARE_NUMBERS]; // of a VM in `vm`, by its number, plus one; 0: there is none
    // The vCPU that the last answer was to start, as its place in struct firmware_state plus one,
    // and that answer's call: for the case that the core refuses it.
    uint32_t starting;
    uint64_t starting_seq;
};

// What has to be done around an answer. Listed in the order in which it is done.
enum firmware_todo {
    FIRMWARE_FLUSH = 1 << 0,  // nothing was done: have the console emptied, then call again
    FIRMWARE_COMMIT = 1 << 1, // commit the state
    FIRMWARE_OUTPUT = 1 << 2, // publish the console's head, signal the console
    FIRMWARE_INPUT = 1 << 3,  // publish the input's tail
    FIRMWARE_END = 1 << 4,    // tell init that the VM has ended
    FIRMWARE_REPORT = 1 << 5, // tell init that the VM is to be stopped, and why
};

// One call being served.
struct firmware_call {
    struct firmware *firmware;
    const struct firmware_vm *vm;
    const struct firmware_state *state; // as last committed
    const struct firmware_vcpu_state *own;
    const uint64_t *argument; // the record's words
    uint64_t seq;
    uint32_t place; // of the VM, in struct firmware and in the state
    uint32_t vcpu;  // that calls
    bool flushed;   // FIRMWARE_FLUSH was done; asking for it again is no use
    bool is_port;   // it is a port access
    bool is_user;   // the guest's user mode calls
    uint64_t pc;
    enum vm_end end;
    uint64_t reason;         // of FIRMWARE_END
    enum report_cause cause; // of FIRMWARE_REPORT, and its two details
    uint64_t detail[2];
};

// A function that guests call: fills REPLY, which arrives zeroed, and returns enum firmware_todo
// bits.
typedef uint32_t firmware_function(struct firmware_call *call, struct reply *reply);

// Forms the VMs from CONFIG. INVALID where that contradicts itself, NO_MEMORY where it is more than
// this server has room for; *WRONG names the entry.
NODISCARD enum status firmware_configure(struct firmware *firmware, const struct config *config,
                                         const char **wrong);

// Takes over the state in the region, or begins it. The errors are state_open's.
NODISCARD enum status firmware_adopt(struct firmware *firmware, void *region, size_t size);

// Makes this version's state from an older one's: struct state_layout's `migrate` (state.c).
enum status firmware_migrate(uint32_t version, const void *from, uint32_t size_from, void *to);

// Fills CALL from RECORD. False: it is from a vCPU that the config does not know.
bool firmware_begin(struct firmware *firmware, const struct message *record,
                    struct firmware_call *call);

// Answers CALL, from the state when its sequence number was seen before.
uint32_t firmware_handle(struct firmware_call *call, struct reply *reply);

// What an interface, sbi/ or psci/, has beside its rt_hypercall.

// Answers CALL, which was not seen before.
uint32_t firmware_answer(struct firmware_call *call, struct reply *reply);

// The words of REPLY_START, from the arguments of CALL: those of one that power_on answered.
void firmware_fill_start(const struct firmware_call *call, struct reply *reply);

// Answers a port access; NULL where the architecture has no ports.
extern firmware_function *const firmware_port;

// What the guest is told when the core refuses to start a vCPU.
extern const int64_t firmware_start_failed;

// Whether it has calls that write to the guest's console and read from it. Where it has none, the
// console's rings are another server's: each side of a ring has one owner.
extern const bool firmware_has_console;

// Answers a trapped system register access or privileged instruction; NOW is the guest's time.
void firmware_sysreg(const struct message *record, uint64_t now, struct reply *reply);

// The server: rt_serve's handler over a struct firmware, and what it does before it receives
// (serve.c).
void firmware_resume(const struct firmware *firmware);
rt_handler firmware_serve;

// The one there is (main.c): the shortest ways have no argument to find it by.
extern struct firmware firmware_server;

// An answer that does nothing but return WORD0 and WORD1.
static inline uint32_t firmware_return(struct reply *reply, uint64_t word0, uint64_t word1) {
    reply->flags = REPLY_HYPERCALL;
    reply->word[0] = word0;
    reply->word[1] = word1;
    return 0;
}

// The same, with effects in FLAGS whose words the caller sets.
static inline uint32_t firmware_return_with(struct reply *reply, uint64_t flags, uint64_t word0,
                                            uint64_t word1) {
    firmware_return(reply, word0, word1);
    reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | flags;
    return 0;
}

// The end of the VM: init is told how and for what REASON, then the vCPU that asked stops; the
// others are init's to stop. Not written down: a call that comes again tells init again, which
// knows that the VM has ended.
uint32_t firmware_end(struct firmware_call *call, struct reply *reply, enum vm_end end,
                      uint64_t reason);

// The guest did what it may not: init is told CAUSE with its two details, and the vCPU stops.
uint32_t firmware_report(struct firmware_call *call, struct reply *reply, enum report_cause cause,
                         uint64_t detail0, uint64_t detail1);

// Makes the answer part of the next commit: should the call come again, this is what it gets.
// Returns FIRMWARE_COMMIT (state.c).
uint32_t firmware_keep(struct firmware_call *call, const struct reply *reply);
