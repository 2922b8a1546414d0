// A small system that init has started: six servers and two VMs, over a core that only keeps
// account (core.h), with ELF files made by hand.
#pragma once

#include "ipc/init.h"
#include "ipc/monitor.h"
#include "servers/init/init.h"
#include "tests/unit/init/core.h"
#include "tests/unit/init/file.h"

enum world_server {
    WORLD_CONSOLE,
    WORLD_WORKER,  // serves hypercalls and timers of both VMs; has a state region
    WORLD_MONITOR, // may do what monitors may
    WORLD_PAGER,   // serves stage 2 of both; does not call init
    WORLD_LOADER,
    WORLD_ONLY_B, // serves IDLE of VM b only
    WORLD_SERVERS,
};

#define WORLD_VM_A 7 // their numbers
#define WORLD_VM_B 9
#define WORLD_VERSION 5 // of the state that the worker of the bundle writes

// Everything is made and started; the servers have not begun.
void world_start(void);

// All servers say that they are ready, take over, and wait; the VMs run.
void world_settle(void);

// Both, for cmocka.
int world_setup(void **state);

// The state version that a file of the worker's is for is in its entry.
struct file_plan world_plan(uint32_t version);
static inline uint32_t world_version(uint64_t entry) { return (uint32_t)(entry - FILE_TEXT) >> 8; }

// The task that is made in SERVER's body, or in the spare one.
struct core_task *world_task(unsigned server);
struct core_task *world_spare_task(void);
struct core_portal *world_portal(unsigned server);

// One of the things that a server does at its start: says READY, and waits; says TAKEN,
// and waits if what it serves is but a signal.
void world_ready(struct core_task *task, uint32_t version);
void world_taken(struct core_task *task);
void world_begin(unsigned server); // both, of a server that was started

// TASK calls init, init and all that is behind it have their turns; the reply's first word.
uint64_t world_call(struct core_task *task, uint64_t op, uint64_t word1, uint64_t word2);

// An exit of VM's first vCPU arrives at SERVER.
void world_exit(unsigned server, enum exit_class c, uint64_t vm, uint64_t seq);

// SERVER's task dies, and init has its turn.
void world_fault(unsigned server);

// The entry of the config that SERVER's task in BODY was started with; NULL: there is none.
const struct config_entry *world_config(const struct body *body, const char *name);

// What init keeps besides its struct: inside.c.
struct world_inside {
    _Alignas(16) uint8_t bytes[8192];
};
void world_inside_keep(struct world_inside *to);
void world_inside_bring_back(const struct world_inside *from);
void world_inside_reset(void);
uint64_t world_inside_key(void); // two that are alike have the same one
