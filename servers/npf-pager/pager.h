// Nested page faults: RAM on demand, passed-through windows, emulated registers, and the report
// that ends a VM that touched anything else.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/init.h"
#include "ipc/message.h"
#include "ipc/ring.h"
#include "libs/rt/rt.h"
#include "libs/state/state.h"
#include "servers/npf-pager/device.h"
#include "servers/npf-pager/region.h"
#include "servers/npf-pager/state.h"

// What an instruction does to a device's registers, in the form in which it is needed.
struct pager_access {
    uint64_t instruction; // which one this is,
    uint64_t given;       // or what the hardware says of it; 0: it was fetched
    uint64_t access;      // ACCESS_READ, ACCESS_WRITE, or PAGER_NO_ACCESS: it can't be emulated
    uint64_t flags;       // of the answer to it
    uint64_t length;      // of the instruction, in bytes
    uint64_t size;        // of the access, in bytes
    uint64_t inside;      // address bits that are 0 when it is aligned
    // A value, shifted up and down again with its sign and then masked, is cut to that size and
    // extended as the instruction says.
    uint64_t shift;
    uint64_t mask;
    uint8_t reg;
    uint8_t kind; // enum insn_kind
    uint8_t base; // the register that the address comes from
    bool is_slow; // there is no shorter way for it
    // aarch64 (pair.c), elsewhere 0:
    bool is_pair;
    uint8_t second; // of a pair: the other register,
    int16_t offset; // and what is added to the base for the first half
    int16_t step;   // what the base register is changed by
    // x86_64 (code_x86_64.c), elsewhere 0:
    uint8_t operation;   // enum insn_operation, of INSN_COMPUTE,
    bool is_to_register; // and where its result is
    uint8_t position;    // the operand's lowest bit in the register
    bool is_based;       // the address is `base` and `displacement`, and nothing else
    int64_t displacement;
    uint64_t kept;  // bits of the register that a load leaves alone
    uint64_t value; // what is stored where no register is
    uint64_t code;  // word[2] of the exit: how the instruction was read
};

#define PAGER_NO_ACCESS UINT64_MAX

// A device that has been loaded from, so that it is known to have such loads, by what was decoded
// last.
struct pager_loaded {
    const struct region *region; // NULL: none
    uint64_t (*read)(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now);
    uint64_t base;         // of the region
    uint64_t state_offset; // of the device's words
    // In place of `read`; only for what hardware decodes. NULL: there is none.
    uint64_t (*look)(const void *object, uint64_t offset, unsigned size);
    const void *object;
};

#define PAGER_MODELS                                                                               \
    (PAGER_DEVICES + PAGER_VMS) // a GICv3's redistributors are one more, without state
#define PAGER_NUMBERS 256       // that VMs can have: the badges of their exits

struct pager_vm {
    const struct region *last; // where the last fault was: most are there again. Never NULL
    struct region_table regions;
    uint32_t vcpus; // for which there is a capability
    uint32_t first; // place of its first vCPU in struct pager_state
    unsigned vcpu[PAGER_VCPUS];
    struct ring *out; // of its console, NULL: none
    struct ring *in;
};

// A device that is played, and where its words are in the state.
struct pager_device {
    const struct device_model *model;
    const struct pager_vm *vm;
    uint32_t state_offset;
    uint32_t line; // by which it interrupts; 0: none
};

struct pager {
    // What the shortest way looks at (quick.c).
    struct state state;
    // The instruction that was decoded last: one that touches a register is seldom alone.
    struct pager_access decoded;
    // The same of stores that the hardware describes: who asks a device and then tells it
    // something, again and again, does it by two instructions.
    struct pager_access stored;
    struct pager_loaded loaded; // what it has loaded from, when it has
    // How many nanoseconds one tick of the counter lasts: whole ones, and 2^64ths of one.
    uint64_t tick_whole;
    uint64_t tick_fraction;
    // The fault that was answered last by a mapping: for the case that the core refuses it.
    uint64_t mapped_seq;
    uint64_t mapped_address;
    struct pager_vm *by_number[PAGER_NUMBERS]; // never NULL: `nobody` where there is no such VM

    unsigned init;    // slot of init's portal
    uint64_t epoch;   // nanoseconds from 1970 to the counter's 0
    unsigned console; // slot of the console's portal
    unsigned lapic;   // of the portal of who plays the local interrupt controllers; 0: nobody does
    uint32_t devices;
    struct pager_device device[PAGER_MODELS];
    uint32_t state_end;       // bytes of the state that devices and vCPUs have, from its beginning
    uint32_t computed_offset; // there, of vCPUs' machine_vcpu_words
    uint32_t vm_count;
    struct pager_vm vm[PAGER_VMS];
    struct pager_vm nobody;
};

// The one there is (main.c): the shortest way has no argument to find it by.
extern struct pager pager;

// Forms the VMs from CONFIG. INVALID, EXISTS where that contradicts itself, NOT_FOUND where it
// names a device that nobody here can play, UNSUPPORTED where one has a line and can't interrupt,
// NO_MEMORY where it is more than this server has room
// for; *WRONG names the entry.
NODISCARD enum status pager_configure(struct pager *pager, const struct config *config,
                                      const char **wrong);

// Takes over the devices' state in the region, or begins it. The errors are state_open's.
NODISCARD enum status pager_adopt(struct pager *pager, void *region, size_t size);

// Lets devices take what has arrived for them from outside of their guests (serve.c).
void pager_input(struct pager *pager);

// Keeps what refusing the mapping that answers exit SEQ will be about.
ALWAYS_INLINE void pager_remember_mapping(struct pager *pager, uint64_t seq, uint64_t address) {
    pager->mapped_seq = seq;
    pager->mapped_address = address;
}

// Answers the exit RECORD, an access to the device registers in REGION (emulate.c).
void pager_emulate(struct pager *pager, const struct region *region, const struct message *record,
                   struct reply *reply);

// Tells init that the exit RECORD ends its VM, and stops the vCPU. ADDRESS, DETAIL: word[3] and
// word[4] of the report (report.c).
void pager_report(struct pager *pager, const struct message *record, enum report_cause cause,
                  uint64_t address, uint64_t detail, struct reply *reply);

// The VM that RECORD is from. Does not return when there is no such VM: init never promised one.
struct pager_vm *pager_vm(struct pager *pager, const struct message *record);

// The server: rt_serve's handler over a struct pager (serve.c).
rt_handler pager_serve;
