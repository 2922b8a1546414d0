// The protocol of init's portal: what servers tell init. init answers at once and never calls
// anyone, so a call to it can't deadlock. word[0] is the operation, the reply's word[0] a status.
// The badge of the capability says which server calls (its number in the manifest).
//
// A server's life: it starts and prepares (READY); its first record, init's signal if none came
// before, makes it take over what the one before it left (TAKEN or REFUSED); then it serves. So a
// new version can be prepared while the old one serves, and is given its portal last.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// X(name, meaning)
#define INIT_LIST(X)                                                                               \
    X(READY, "the server knows its config, has touched neither state nor device, and will wait "   \
             "for its first record; word[1] = the version of the state that it writes")            \
    X(TAKEN, "its first record came, and it has taken over the state and the devices")             \
    X(REFUSED, "its first record came, but it can't take over, and has changed nothing: "          \
               "word[1] = status")                                                                 \
    X(VM_END, "a guest ended: word[1] = VM, word[2] = enum vm_end, word[3] = detail")              \
    X(VM_REPORT, "a VM is to be stopped: word[1] = VM, those after that: see enum report_cause")   \
    X(LOADED, "fs-loader did job word[1]: word[2] = status, word[3] = bytes, word[4] = entry, "    \
              "word[5] = end of what was placed")                                                  \
    X(DRAINED, "the console has written all that was in the rings")                                \
    X(LOOK, "for a monitor, see ipc/monitor.h")                                                    \
    X(KILL, "for a monitor")                                                                       \
    X(REPLACE, "for a monitor")                                                                    \
    X(OUTCOME, "for a monitor")                                                                    \
    X(TRACE, "for a monitor")

#define INIT_ENUM(name, text) INIT_##name,
enum init_op { INIT_LIST(INIT_ENUM) INIT_COUNT };
#undef INIT_ENUM

// How a guest ended, and by what call of its firmware. detail = its reason, 0 where there is no
// word for one (SBI: SRST reset_reason).
//
// X(name, whether it is to be started again, by what)
#define VM_END_LIST(X)                                                                             \
    X(SHUTDOWN, false, "SBI SRST shutdown")                                                        \
    X(REBOOT, true, "SBI SRST reboot")                                                             \
    X(SYSTEM_OFF, false, "PSCI SYSTEM_OFF")                                                        \
    X(SYSTEM_RESET, true, "PSCI SYSTEM_RESET")                                                     \
    X(CALL_OFF, false, "VMMCALL SYSTEM_OFF")                                                       \
    X(CALL_RESET, true, "VMMCALL SYSTEM_RESET")

#define VM_END_ENUM(name, reset, text) VM_END_##name,
enum vm_end { VM_END_LIST(VM_END_ENUM) VM_END_COUNT };
#undef VM_END_ENUM

static inline const char *vm_end_name(enum vm_end end) {
#define VM_END_TEXT(name, reset, text) text,
    static const char *const names[] = {VM_END_LIST(VM_END_TEXT)};
#undef VM_END_TEXT
    return (uint32_t)end < VM_END_COUNT ? names[end] : "?";
}

// Whether it was to be started again.
static inline bool vm_end_is_reset(enum vm_end end) {
#define VM_END_RESET(name, reset, text) reset,
    static const bool resets[] = {VM_END_LIST(VM_END_RESET)};
#undef VM_END_RESET
    return (uint32_t)end < VM_END_COUNT && resets[end];
}

// Why a server wants a VM stopped (VM_REPORT): word[2] = enum report_cause, word[3] = guest
// address, word[4] = enum access or detail, word[5] = the guest's pc, word[6] = nearest mapped
// range's guest address, word[7] = its size.
enum report_cause {
    REPORT_UNMAPPED,    // outside of RAM and of the allow-list
    REPORT_DENIED,      // mapped, but not for this access
    REPORT_INSTRUCTION, // an access to an emulated register that can't be decoded
    REPORT_NO_MEMORY,   // mapping failed; word[4] = status
    REPORT_CPU,         // the guest's CPU can't go on; word[3], word[4] = details
    REPORT_PORT,        // a port that is not the guest's; word[3] = port, word[4] = enum access
};
