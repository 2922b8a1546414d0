// What init does for a monitor: a server to which the manifest gave `monitor`, and to nobody else
// (DENIED). Calls on init's portal, word[0] = enum init_op, the reply's word[0] a status:
//
//   INIT_LOOK     word[1] = enum monitor_look, word[2] = its number, where it has one: init writes
//                 what is asked for into the window "monitor". Reply: word[1] = entries, or bytes
//   INIT_KILL     word[1] = server: ends it as if it had faulted; it is restarted like any other.
//                 When the new one has taken over, init signals the monitor's portal
//   INIT_REPLACE  word[1] = server, word[2] = bytes: the ELF file at the beginning of the window
//                 "fs-buffer" is to be its new version. 0 bytes: the file that it was last started
//                 from. Answered when that has begun (BUSY: another is still being replaced;
//                 INVALID: the file can't be one, the log says why). The window may be used again
//                 at once. When it is decided, init signals the monitor's portal
//   INIT_OUTCOME  reply: word[1] = enum monitor_outcome of the last replacement, word[2] = its
//                 server, word[3] = status, word[4] = instructions from the old one's last answer
//                 to the new one's first
//   INIT_TRACE    word[1] = 1: instructions are counted from now on, by class; 0: no more. Exits
//                 take the long way meanwhile
//
// Servers are numbered as in the manifest.
#pragma once

#include <assert.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/exit.h"

#define MONITOR_WINDOW_BYTES 16384u
#define MONITOR_FILE_BYTES (512u << 10) // of the window "fs-buffer"

enum monitor_look {
    MONITOR_SERVERS, // struct monitor_server of each server, and one more: of init
    MONITOR_VMS,     // struct monitor_vm of each VM
    MONITOR_VCPUS,   // struct monitor_vcpu of each vCPU of all VMs
    MONITOR_CONFIG,  // the struct config of server word[2]: everything that it has
    MONITOR_LOG,     // the last bytes of the log of server word[2] (the number behind the last: of
                     // init), RING_BYTES at most; the first line may be cut
};

enum monitor_serves {
    MONITOR_STARTING, // its task has not taken over yet
    MONITOR_SERVING,
    MONITOR_GIVEN_UP, // it died too often and is not started again
};

struct monitor_server {
    char name[CONFIG_NAME];
    uint32_t state;         // enum task_state
    uint32_t state_version; // of the state that it said it writes
    uint64_t restarts;      // after deaths
    uint64_t replacements;
    uint64_t memory; // bytes that are its own: image, stack, config, state, DMA, log, objects
    uint64_t pause_restart; // the longest, in instructions, from a death to the next answer
    uint64_t pause_replace; // the same for a planned replacement
    uint32_t early_deaths;  // in a row, before it took over anything
    uint32_t serves;        // enum monitor_serves
};

static_assert(sizeof(struct monitor_server) == 80, "init and the monitor see one layout");

enum monitor_vm_state {
    MONITOR_VM_LOADING,
    MONITOR_VM_RUNNING,
    MONITOR_VM_ENDED,
    MONITOR_VM_FAILED
};

struct monitor_vm {
    char name[CONFIG_NAME];
    uint32_t id;
    uint32_t state; // enum monitor_vm_state
    uint32_t vcpus;
    uint32_t reserved;
    uint64_t memory;   // bytes of guest RAM
    uint8_t server[8]; // by exit class: number of the server that gets it; 255: nobody
};

static_assert(sizeof(struct monitor_vm) == 56, "init and the monitor see one layout");
static_assert(EXIT_GUEST_CLASSES <= 8, "a place for each class");

struct monitor_vcpu {
    uint32_t vm;     // its number among MONITOR_VMS's entries
    uint32_t number; // in its VM
    uint32_t state;  // enum vcpu_state
    uint32_t traced; // 1: instructions are being counted
    uint64_t pc;
    uint64_t exits;
    uint64_t count[8];        // exits by class
    uint64_t instructions[8]; // spent outside of the guest, by class, while traced
    uint64_t traced_count[8]; // exits by class while traced
};

static_assert(sizeof(struct monitor_vcpu) == 224, "init and the monitor see one layout");

enum monitor_outcome {
    MONITOR_NONE,      // nothing was replaced so far
    MONITOR_PREPARING, // the new one starts, the old one serves
    MONITOR_SWITCHING, // the new one takes over
    MONITOR_REPLACED,  // the new one serves
    MONITOR_REFUSED,   // the new one could not read the old one's state: the old one serves
    MONITOR_FAILED,    // the new one died: the old one serves
};
