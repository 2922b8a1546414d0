// The console server: owns the UART, writes what its clients put into their rings, hands what is
// typed to the guest in focus.
//
// Its clients are numbered, from 0, by the config's entries: windows "out-N" (struct ring, the
// client's output) and "in-N" (struct ring, its input; optional), number "kind-N" (enum
// console_client), text "name-N", capability "signal-N" (a portal to be signalled behind new input;
// optional). Capability "self": the server's own portal; without it no guest's line is waited for.
// Client 0 is init, whose output ring's `reserved` asks to be told when everything is
// written. One can be the monitor, which has both rings.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/console.h"
#include "ipc/message.h"
#include "ipc/ring.h"
#include "ipc/status.h"
#include "libs/rt/rt.h"
#include "libs/uart/uart.h"
#include "servers/console/state.h"

#define CONSOLE_CLIENTS 32
#define CONSOLE_PREFIX (CONFIG_NAME + 3) // "[name] "

// Ctrl-T, which leads to the monitor and back. Ctrl with a letter is on every keyboard, and this
// letter means least to others: the rest of them are used by shells, editors, pagers, terminals and
// multiplexers all the time. (Brackets, as telnet has them, need a modifier more on many
// keyboards.)
#define CONSOLE_ESCAPE 0x14u

struct console_peer {
    struct ring *out;
    struct ring *in; // NULL: it gets no input
    enum console_client kind;
    const char *name; // in the config
    unsigned signal;  // slot of the portal to signal behind new input; 0: none
    unsigned prefix_length;
    char prefix[CONSOLE_PREFIX];
    bool overflowing; // input was dropped since its ring last had room
    uint64_t dropped; // bytes of input
    // Where its line begins that is waited for, by the count of its bytes, and since when (hold.h).
    uint64_t line, line_since;
};

struct console {
    struct uart uart;
    volatile uint8_t *data;               // the UART's data register
    volatile struct console_state *state; // volatile: its changes happen in the order written
    unsigned count;
    unsigned focus;   // the client that gets what is typed; CONSOLE_CLIENTS: nobody
    unsigned init;    // slot of init's portal; 0: none
    unsigned self;    // slot of this server's own portal; 0: none
    unsigned monitor; // the client that is the monitor; CONSOLE_CLIENTS: there is none
    bool begun;       // there was no state: the machine has just been started
    bool resumed;     // what input the server before had not got done is done
    uint32_t tell;    // mask of clients to be signalled: there is something for them
    bool ending;      // init waits for all to be written; the monitor's line is not drawn any more
    uint64_t seen;    // how much the monitor had written when its last line was last drawn
    // How long lines are waited for (hold.h), in ticks of the counter; whether one is; and when the
    // line on the screen that has not ended grew last.
    uint64_t patience;
    bool waits;
    uint64_t shown_since;
    struct console_peer peer[CONSOLE_CLIENTS];
};

// Forms the list of clients from the server's config. INVALID: the config contradicts itself;
// *WRONG is then the name of the entry that does, and *WHY what is wrong with it.
NODISCARD enum status console_configure(struct console *console, const struct config *config,
                                        const char **wrong, const char **why);

// How the server before died, for what it was in the middle of (put.h, take.h).
struct console_death {
    uint64_t pc;   // the instruction it had not executed; 0: it did not die
    uint64_t word; // the register for functions' values
};

// Takes over the state in the SIZE bytes at REGION from a server that ended by DEATH, or begins it
// when there is none or a damaged one. May be done again and again after the same death.
// UNSUPPORTED: a newer version wrote it. NO_MEMORY: the region is too small.
NODISCARD enum status console_adopt(struct console *console, void *region, size_t size,
                                    const struct console_death *death);

// Writes what the rings hold, as far as the UART takes it now. Lines that are not finished can be
// kept back for the sake of others; those of the clients in FORCE, a mask, are not. False: the UART
// takes no more now.
bool console_drain(struct console *console, uint32_t force);

// Whether there is nothing left to be written.
bool console_is_empty(const struct console *console);

// What each record begins with. Gives the focus back to the guest, if the monitor asks for that; if
// bytes may have been RECEIVED, hands on all of them, up to a bound; and signals whom that
// concerns. The first time it also does what the server before may not have got done.
// Returns a mask of those for whom there is something.
uint32_t console_input(struct console *console, bool received);

// Who gets what is typed.
static inline enum console_focus console_focus(const struct console *console) {
    return console->state->input & CONSOLE_INPUT_MONITOR ? CONSOLE_FOCUS_MONITOR
                                                         : CONSOLE_FOCUS_GUEST;
}

// Tells init that everything is written, once, if it asked for that.
void console_tell_drained(struct console *console);

// Starts the UART. Takes nothing from it and gives nothing to it: should this server die before it
// has told init that it took over, the next one is told of the death before this one.
void console_start(struct console *console, const struct uart_driver *driver,
                   const struct uart_access *access);

// The server's logic; STATE is its struct console.
rt_handler console_handle;
