// What stands around the monitor in its tests: an init that answers as ipc/monitor.h says, a disk,
// a console's rings, and a line with a client at its other end.
#pragma once

#include "ipc/console.h"
#include "ipc/fs.h"
#include "ipc/init.h"
#include "servers/monitor/monitor.h"
#include "tests/unit/fakert/fakert.h"

#define WORLD_STREAM (1u << 20)
#define WORLD_SERVERS 4u // console, sbi-server, monitor; and init
#define WORLD_FILE 0x10000u

enum { WORLD_INIT = 1, WORLD_CONSOLE, WORLD_LOADER }; // slots

struct world {
    struct monitor monitor;
    struct ring out, in;
    uint8_t window[MONITOR_WINDOW_BYTES];
    uint8_t file[WORLD_FILE];
    uint64_t region[64];

    // init.
    struct monitor_server server[WORLD_SERVERS];
    struct monitor_vm vm[2];
    struct monitor_vcpu vcpu[3];
    _Alignas(struct config) uint8_t config[sizeof(struct config) + 6 * sizeof(struct config_entry)];
    char log[RING_BYTES];
    unsigned log_size;
    enum status look_status;
    uint64_t count_lie; // in place of how many entries there are; 0: the truth
    unsigned kills[WORLD_SERVERS];
    bool slow; // the next one does not serve before world_serve
    enum status replace_status;
    uint64_t replaced, replaced_bytes; // the last INIT_REPLACE's words
    struct rt_words outcome;
    int traced; // -1: not asked

    // The disk: one file, "/server".
    unsigned file_bytes;
    enum status read_status;

    // The console takes what it is asked to flush.
    bool stuck;
    char screen[WORLD_STREAM];
    unsigned screen_size;

    // The control line.
    uint8_t sent[WORLD_STREAM];
    unsigned sent_size, sent_at;
    char got[WORLD_STREAM];
    unsigned got_size;
    unsigned room; // bytes that the device takes
};

extern struct world world;

// What world.config holds.
static inline struct config *world_config(void) { return (struct config *)(void *)world.config; }

// A world with a monitor that has just started.
void world_reset(void);

// Another monitor takes over.
void world_restart(void);

// Something happened: the monitor gets a record of class C, ATTEMPT times before in vain.
void world_send(enum exit_class c, unsigned attempt);

// What a server that was killed, or replaced, does at last: serves.
void world_serve(unsigned server);

// A person at the console: opens the monitor, types.
void world_open(void);
void world_type(const char *text);

// All that was written for the console since the last call of this.
const char *world_screen(void);

// A client: sends TEXT; what it got since the last call of this.
void world_request(const char *text);
void world_request_bytes(const void *bytes, unsigned size);
const char *world_answer(void);
