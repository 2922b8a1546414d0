// What stands around the console in its tests: a UART, the clients' rings, and the parts of the
// server runtime that it calls.
#pragma once

#include <setjmp.h>

#include "servers/console/console.h"
#include "tests/unit/fakert/step.h"

#define WORLD_SCREEN 65536
#define WORLD_ENTRIES 64
#define WORLD_CLIENTS 5
#define WORLD_SIGNALS 20 // client 0's portal, and so on
#define WORLD_SELF 19    // its own
#define WORLD_TIMEBASE 1000
#define WORLD_REGION (32 * sizeof(uint64_t))

// Where a server dies: before the first store of console_put or the load of console_take, before
// the other store, or behind it.
enum world_death { WORLD_BEFORE, WORLD_BETWEEN, WORLD_BEHIND, WORLD_DEATHS };

struct world_kill {
    unsigned at; // at the AT-th call; 0: never
    enum world_death how;
    unsigned calls;
};

// What outlives a server, in memory that a process of the tests has in common with those it makes.
struct world_kept {
    struct ring out[WORLD_CLIENTS], in[WORLD_CLIENTS];
    uint64_t region[WORLD_REGION / sizeof(uint64_t)];
    // Of the bytes typed, how many were loaded; and WORLD_TAKING, from then on until the last of
    // them was stored. One word, as it is one instruction.
    volatile uint64_t taken;
    // What client I could see when it was last signalled: its ring's head, and its `reserved`.
    uint64_t seen_head[WORLD_CLIENTS], seen_reserved[WORLD_CLIENTS];
};

#define WORLD_TAKING (1ull << 32)

struct world {
    // The UART.
    uint8_t screen[WORLD_SCREEN]; // all it was given
    unsigned written;
    bool has_fifo;
    unsigned room;    // bytes it takes before it is full for ever; see world_unblock
    uint32_t enabled; // of its interrupts
    uint8_t typed[256];
    unsigned typed_count; // see world_taken
    unsigned polls;

    // Deaths at a byte of the output, or of the input: longjmp to GRAVE.
    struct world_kill put, take;
    struct console_death death;
    unsigned early_deaths; // of servers that died again before they had taken over
    jmp_buf grave;

    // The runtime.
    uint64_t now; // in ticks of its counter, WORLD_TIMEBASE a second
    unsigned signals, last_signal;
    unsigned later; // signals for the next tick, all of them to itself
    unsigned calls;
    struct rt_words last_call;
    unsigned logs;
    char last_log[256];

    // The clients.
    struct world_kept *kept;
    struct ring *out, *in; // in KEPT, as REGION
    uint64_t *region;
    struct console console;
    struct config *config; // in config_memory
    _Alignas(struct config) uint8_t
        config_memory[sizeof(struct config) + WORLD_ENTRIES * sizeof(struct config_entry)];
};

extern struct world world;

// An empty world, with a UART that takes everything, and without a client.
void world_reset(void);

// Adds an entry to the config.
struct config_entry *world_entry(const char *name, enum config_kind kind, uint64_t address);

// Adds client NUMBER, with input if it is a guest or the monitor.
void world_client(unsigned number, enum console_client kind, const char *name);

// The config has the server's own portal, so that lines are waited for. Else they are not.
void world_has_patience(void);

// MS later, its signal to itself arrives, if it sent one.
void world_tick(unsigned ms);

// Starts the console, again if it was running: the two below, and the first record, init's.
void world_start(void);
void world_configure(void);
void world_take_over(void); // to where init is told of it

// Sets the UART up, as whoever takes over does.
void world_begin_uart(void);

// The UART's interrupts that are switched on: the receiver's; that, and "there is room".
extern const uint32_t world_enabled[2];

// TEXT is typed, from now on; what was typed before is forgotten.
void world_type(const char *text);

// How many bytes of that were taken from the UART.
unsigned world_taken(void);

// Fails if a client sleeps although there is something for it.
void world_expect_awake(void);

// Adds TEXT to the ring of client NUMBER.
void world_write(unsigned number, const char *text);
void world_write_bytes(unsigned number, const void *bytes, size_t size);

// Sends a record; returns the reply's first word.
uint64_t world_send(enum exit_class class, uint64_t badge, uint64_t word);

// What is on the screen so far, as a text.
const char *world_screen(void);

// What a person sees of that: carriage returns and "erase to the end of the line" have had their
// effect.
const char *world_rendered(void);
