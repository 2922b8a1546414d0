// What stands around the console in its tests: a UART, the clients' rings, and the parts of the
// server runtime that it calls.
#pragma once

#include <setjmp.h>

#include "servers/console/console.h"

#define WORLD_SCREEN 65536
#define WORLD_ENTRIES 64

// Where a server dies.
enum world_death { WORLD_BEFORE_SEND, WORLD_BETWEEN, WORLD_BEHIND, WORLD_DEATHS };

struct world {
    // The UART.
    uint8_t screen[WORLD_SCREEN]; // all it was given
    unsigned written;
    bool has_fifo;
    unsigned room; // bytes it takes before it is full for ever; see world_unblock
    uint8_t enabled;
    uint8_t typed[256];
    unsigned typed_count, typed_at;
    unsigned polls;

    // Death at the KILL_AT-th byte: longjmp to GRAVE.
    unsigned kill_at; // 0: never
    enum world_death kill_how;
    unsigned puts;
    uint64_t death_pc;
    unsigned early_deaths; // of servers that died again before they had taken over
    jmp_buf grave;

    // The runtime.
    unsigned signals, last_signal;
    unsigned calls;
    struct rt_words last_call;
    unsigned logs;
    char last_log[256];

    // The clients.
    struct ring out[CONSOLE_CLIENTS], in[CONSOLE_CLIENTS];
    uint64_t region[32];
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

// Starts the console, again if it was running.
void world_start(void);

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
