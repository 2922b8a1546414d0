// The monitor: lets a person at the console, and tools at the control line, look at servers and
// guests, and kill and replace servers while guests run. It does nothing by itself: init looks,
// kills and replaces (ipc/monitor.h), fs-loader reads files, the console shows lines.
//
// Its config's entries: windows "console-out" and "console-in" (its rings at the console, see
// ipc/console.h), "monitor" (what init answers), "fs-buffer" (files); for the control line "virtio"
// (a virtio-mmio slot's registers) and "dma" (memory for the device); "state"; capabilities "init",
// "console", "fs-loader". What is missing can't be used, all else works.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/monitor.h"
#include "ipc/ring.h"
#include "ipc/status.h"
#include "libs/rt/rt.h"
#include "libs/state/state.h"
#include "servers/monitor/control.h"
#include "servers/monitor/report.h"

#define MONITOR_STATE_VERSION 1u
#define MONITOR_SERVERS_MAX 32u // more than a manifest can have, with init
#define MONITOR_WORDS 4u        // of a command
#define MONITOR_LINE 128u       // that is typed at the console, with the NUL

// Who asks.
enum monitor_origin { MONITOR_CONSOLE, MONITOR_CONTROL, MONITOR_ORIGINS };

// What takes longer than one record.
enum monitor_job { MONITOR_IDLE, MONITOR_REPLACING, MONITOR_KILLING };

// What one monitor leaves to the next: so `kill monitor` and `replace monitor` are answered, too.
struct monitor_state {
    uint64_t open;    // 1: the console's prompt is there
    uint64_t job;     // enum monitor_job
    uint64_t origin;  // enum monitor_origin: who waits for it
    uint64_t server;  // whom it is about
    uint64_t wanted;  // KILLING: how often
    uint64_t done;    // how often it was
    uint64_t deaths;  // how often the server had been restarted before the last time
    uint64_t trusted; // REPLACING: init was asked, and says what became of it
};

// The control line's device.
struct monitor_device {
    size_t (*read)(void *context, void *bytes, size_t size);
    size_t (*write)(void *context, const void *bytes, size_t size);
    void (*acknowledge)(void *context); // its interrupt
    void *context;
};

struct monitor_control {
    const struct monitor_device *device; // NULL: there is none
    uint8_t chunk[1024];                 // what was read and not yet looked at
    size_t at, filled;
    char line[CONTROL_LINE + 1];
    size_t length;
    bool too_long;
    unsigned mark;           // bytes of the mark that came last
    uint64_t size;           // of the file that comes
    uint64_t left;           // of it; 0: no file is coming
    bool spoiled;            // the buffer was used for something else meanwhile
    char name[CONTROL_LINE]; // of the server that it is for
    size_t sent;             // bytes of the answer that are on their way already
    bool answering;
};

struct monitor_typing {
    struct ring *out, *in; // NULL: there is no console
    char line[MONITOR_LINE];
    size_t length;
    unsigned escape; // how far an escape sequence has come that is ignored
    bool after_return;
};

struct monitor {
    unsigned init, console, loader; // slots; 0: none
    const uint8_t *window;          // init writes it at any time: copied, and checked, before use
    size_t window_size;
    uint8_t *file; // fs-buffer
    size_t file_size;
    unsigned attempt; // monitors that died on the record that is being served
    struct state state;
    struct monitor_typing typing;
    struct monitor_control control;
    // As of the last look. The last one is init.
    struct monitor_server server[MONITOR_SERVERS_MAX];
    unsigned server_count;
    struct report report[MONITOR_ORIGINS];
};

static inline const struct monitor_state *monitor_state(const struct monitor *monitor) {
    return state_current(&monitor->state);
}

// Takes what the config gives; the device is not touched.
void monitor_configure(struct monitor *monitor);

// Takes over the state in the SIZE bytes at REGION, or begins it. UNSUPPORTED: a newer version
// wrote it. NO_MEMORY: the region is too small.
NODISCARD enum status monitor_adopt(struct monitor *monitor, void *region, size_t size);

// Does all there is to do, at the console and at the control line.
void monitor_work(struct monitor *monitor);

// The server's logic; STATE is its struct monitor.
rt_handler monitor_handle;

// look.c: what init tells.

// Has init write WHAT, of NUMBER; *COUNT is how many entries of SIZE bytes can be read.
NODISCARD enum status look(const struct monitor *monitor, enum monitor_look what, uint64_t number,
                           size_t size, unsigned *count);

// Entry INDEX of what `look` counted, copied.
void look_entry(const struct monitor *monitor, unsigned index, void *to, size_t size);

// Fills in monitor->server. False: it can't; REPORT says why.
bool look_servers(struct monitor *monitor, struct report *report);

// The number of the server NAME, init included. False: there is none; REPORT says whom there is.
bool look_find(struct monitor *monitor, const char *name, unsigned *index, struct report *report);

// command.c

// Does what LINE says, which is changed. The answer is in ORIGIN's report, unless it takes longer:
// then job or file say so.
void command_run(struct monitor *monitor, enum monitor_origin origin, char *line);

// The commands, by file. WORD has COUNT words, the command's name included.
typedef void command_function(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                              char *const *word);
command_function show_ps, show_vm, show_exits; // show.c
command_function inspect_caps, inspect_log;    // inspect.c
command_function act_kill, act_replace;        // act.c
command_function typing_exit;                  // typing.c

// act.c

// The file of `replace NAME #SIZE` has come.
void act_received(struct monitor *monitor);

// Goes on with the job; its end is an answer to who waits for it.
void act_advance(struct monitor *monitor);

static inline bool act_is_busy(const struct monitor *monitor, enum monitor_origin origin) {
    const struct monitor_state *state = monitor_state(monitor);
    return state->job != MONITOR_IDLE && state->origin == origin;
}

// typing.c: the console.
void typing_work(struct monitor *monitor);
void typing_answer(struct monitor *monitor); // shows the report, and a prompt
void typing_resume(struct monitor *monitor); // the prompt that the last monitor left

// control.c: the control line.
void control_work(struct monitor *monitor);
void control_answer(struct monitor *monitor);
void control_expect(struct monitor *monitor, uint64_t size, const char *name); // a file comes
