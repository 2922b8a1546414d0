// The server runtime: what a server's main.c is written with. It holds the start of the program,
// the receive entry, the system calls as C functions and the few of musl's system calls that make
// sense here: output goes to the server's log, exit ends the server, and all else is refused. There
// is no heap: a server's memory is what it was linked with and what init gave it.
// A server is one thread. `main` prepares and ends in rt_succeed or rt_serve.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/cap.h"
#include "ipc/config.h"
#include "ipc/message.h"
#include "ipc/status.h"
#include "ipc/syscall.h"
#include "libs/rt/syscall_arch.h"

struct ring;

// What init gave this server; never NULL.
extern const struct config *rt_config;

// The entry of the config named NAME, or NULL. Where the names repeat, the INDEXth of them.
const struct config_entry *rt_find(const char *name, unsigned index);

// The same; ends the server with a line in the log when there is none: the manifest promised it.
const struct config_entry *rt_need(const char *name);

// The answer to a record. Flags: REPLY_* of ipc/message.h for an exit, 0 for everything else.
struct reply {
    uint64_t flags;
    uint64_t word[MESSAGE_WORDS];
};

// A server's whole logic: answers RECORD by filling REPLY, which arrives zeroed.
typedef void rt_handler(void *state, const struct message *record, struct reply *reply);

// Takes over what the server before this one left, its state region and its devices, or begins them
// where there was none. What it returns, when that is not OK, is why it can't, and then it has
// changed nothing: a server that it was to replace goes on, as if nothing had been asked.
typedef enum status rt_take_over(void *state);

// Waits for records and answers them by HANDLE, for ever. Before the first, which init sends if
// nobody else does, TAKE_OVER is called: up to then another one may serve, whom this one is to
// replace, and whose state is of version VERSION or older.
_Noreturn void rt_succeed(rt_take_over *take_over, uint32_t version, rt_handler *handle,
                          void *state);

// The same for a server that has nothing to take over.
_Noreturn void rt_serve(rt_handler *handle, void *state);

// A server may define this for hypercalls that it can answer without looking at the whole record:
// it gets the guest's argument registers, and ends by rt_reply or rt_handle_rest. The other
// parts of the record are in rt_record. Neither returns; they are not declared so because a call of
// a function that does not return is never made a jump, and it is to be one here.
void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                  uint64_t a6, uint64_t a7);

// The same for all other records; their words are the arguments.
void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7);

// info, pc, seq and badge of the record being served, for rt_hypercall and rt_exit.
struct rt_head {
    uint64_t info, pc, seq, badge;
};
extern struct rt_head rt_record;

// Back to the record in the long way: calls the handler with all of it.
void rt_handle_rest(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                    uint64_t a6, uint64_t a7);

// Answers the hypercall being served: its two results; and the vCPU's next deadline.
static inline _Noreturn void rt_reply_hypercall(uint64_t error, uint64_t value) {
    rt_reply_registers(REPLY_HYPERCALL, error, value, 0);
}
static inline _Noreturn void rt_reply_hypercall_deadline(uint64_t error, uint64_t value,
                                                         uint64_t deadline) {
    rt_reply_registers(REPLY_HYPERCALL_DEADLINE, error, value, deadline);
}

// Answers the exit being served by effects alone (REPLY_FLAGS and enum reply_flag; the mask of
// vCPUs is 0, the instruction's length what its class implies).
static inline _Noreturn void rt_reply_effects(uint64_t flags) {
    rt_reply_effect_registers(flags, 0, 0, 0);
}

// Ends the service of an exit that nobody waits for any more: its vCPU was stopped meanwhile, which
// VCPU_READ says by DENIED. It is the end of nothing else: should the vCPU wait after all, and
// DENIED have said that this server may not read there, the core refuses this answer.
static inline _Noreturn void rt_reply_nobody(void) { rt_reply_effect_registers(0, 0, 0, 0); }

// Answers the call being served.
static inline _Noreturn void rt_reply_call(uint64_t word0, uint64_t word1, uint64_t word2,
                                           uint64_t word3, uint64_t word4, uint64_t word5,
                                           uint64_t word6, uint64_t word7) {
    rt_reply_call_registers(word0, word1, word2, word3, word4, word5, word6, word7);
}

// The same with WRITE: VALUE goes to the register that FLAGS name, and ADVANCE skips LENGTH bytes.
static inline _Noreturn void rt_reply_write(uint64_t flags, uint64_t value, uint64_t length) {
    rt_reply_write_registers(flags, value, length);
}

// The same with MAP alone: ADDRESS, MAPPING and OFFSET are words 2, 3 and 5.
static inline _Noreturn void rt_reply_map(uint64_t address, uint64_t mapping, uint64_t offset) {
    rt_reply_map_registers(REPLY_FLAGS | REPLY_MAP, address, mapping, offset);
}

// System calls; see ipc/syscall.h for each one's meaning.
struct rt_words {
    uint64_t word[MESSAGE_WORDS];
};

// Any that returns at once, by number; WORDS are its arguments and its results.
NODISCARD enum status rt_system_call(enum syscall number, uint64_t selector,
                                     struct rt_words *words);
NODISCARD enum status rt_call(unsigned portal, struct rt_words *words); // in: request, out: reply

// The same in place, for a loop that must be short: all but the caller's own variables are lost.
#define rt_call_inline(portal, words) RT_BLOCKING_CALL(SYSCALL_CALL, portal, words)

NODISCARD enum status rt_signal(unsigned portal);
NODISCARD enum status rt_signal_later(unsigned portal); // SIGNAL_LATER
NODISCARD enum status rt_map(unsigned space, uint64_t address, unsigned frame, uint64_t offset,
                             uint64_t size, uint64_t rights);
NODISCARD enum status rt_vcpu_read(unsigned vcpu, unsigned reg, uint64_t *value);
NODISCARD enum status rt_vcpu_look(unsigned vcpu, unsigned interrupt, uint64_t *state);
NODISCARD enum status rt_vcpu_interrupt(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                                        uint64_t number);

// Now, in ticks of the host's counter (rt_config->timebase a second).
uint64_t rt_now(void);

// Instructions executed by this CPU so far, where the machine counts them.
static inline uint64_t rt_instructions(void) { return rt_instruction_counter(); }

// The instruction at the guest-virtual address PC of the vCPU whose exit is being served; behind a
// compressed one, whose low bits say so, may stand anything. RT_NO_INSTRUCTION when it can't be
// fetched any more. Needs TASK_GUEST (the manifest's `guest-access`).
uint64_t rt_guest_fetch(uint64_t pc);
#define RT_NO_INSTRUCTION UINT64_MAX

// The longest line, with what ends it.
#define RT_LOG_LINE 384

// One line, printf-like, into the server's log ring (config "log"), from where the console writes
// it. Never blocks; when the ring is full the line is dropped. So is that of a new version which
// has not taken over yet: the old one writes there.
__attribute__((format(printf, 1, 2))) void rt_log(const char *format, ...);

// rt_log's lines go to RING from now on, and PORTAL is signalled. (A server's config says both, as
// "log" and "console"; init has no config.)
void rt_log_to(struct ring *ring, unsigned portal);

// Ends this server: rt_log's line first, then SYSCALL_EXIT. init restarts it.
__attribute__((format(printf, 1, 2))) _Noreturn void rt_die(const char *format, ...);

// The eight words that the task's first instruction found in the argument registers, and whether
// the first of them is the address of a config (init says no).
extern uint64_t rt_argument[8];
extern const bool rt_has_config;
