// A whole core on the fake machine: booted from a bundle, with init running. A test plays every
// task and every guest: it says what each does, and looks at what the core makes of it. After each
// step the core's own order is checked (invariants.h).
#pragma once

#include "arch/fake/core/machine.h"
#include "arch/fake/core/trap.h"
#include "ipc/message.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

#define WORLD_PAGES 512             // of object memory, unless a test says otherwise
#define WORLD_CORE_BYTES 0x10000ull // of memory, for what would be the core's image
#define WORLD_WAKE_LINE 1           // the interrupt line by which a test wakes init
#define WORLD_SERVER_PC 0x8000ull   // where servers' records arrive
#define WORLD_GUEST_PC 0x80200000ull
#define WORLD_RAM 0x80000000ull // where guests have memory

// The words of a system call, a reply or an exit; those that are not given are 0.
#define WORDS(...) ((const uint64_t[MESSAGE_WORDS]){__VA_ARGS__})

struct world {
    struct cpu cpu;
    struct task *init;
    unsigned init_portal; // slots in init's table
    unsigned next_slot;
    uint32_t next_page; // of object memory
    uint32_t first_free;
    struct regs booted; // as init began
    bool careless;      // no checks after each step: for tests that make very many
};

extern struct world world;

// A new world with PAGES pages of object memory, in which init runs, bound to a portal.
void world_begin_pages(uint32_t pages);
int world_begin(void **state); // the same as a cmocka fixture
int world_end(void **state);

// TASK, which must be able to, runs from now on; init is woken by an interrupt if it waits.
void world_run(struct task *task);

// TASK makes a system call. Returns what runs then; its registers are machine.regs.
struct context *world_call(struct task *task, enum syscall number, uint64_t selector,
                           const uint64_t *words);

// The same for a call that returns at once: returns its status; world_result its results.
enum status world_do(struct task *task, enum syscall number, uint64_t selector,
                     const uint64_t *words);
uint64_t world_result(unsigned index);

// TASK answers what it serves; or waits.
struct context *world_reply(struct task *task, uint64_t flags, const uint64_t *words);
struct context *world_wait(struct task *task);

// VCPU, which must be able to run, does, and exits.
void world_enter(struct vcpu *vcpu);
struct context *world_exit(struct vcpu *vcpu, enum exit_class c, const uint64_t *words);
struct context *world_hypercall(struct vcpu *vcpu, const uint64_t *words);

// TASK's instruction faults.
struct context *world_fault(struct task *task, enum fault cause, uint64_t detail, uint64_t address);

// Time passes until NOW: the timer fires as often as the core has asked for.
struct context *world_time(uint64_t now);
struct context *world_ticks(unsigned count); // the same up to the COUNTth tick from now
struct context *world_line(unsigned line);   // an interrupt line is asserted

// The record that the running task has received.
struct message world_message(void);

// init makes objects of fresh pages; SLOT is where it has them. They must come about.
unsigned world_slot(void);
uint32_t world_page(uint32_t count, uint32_t align);
unsigned world_create(enum object_type type, uint32_t pages, uint64_t a4, uint64_t a5, uint64_t a6);
uint32_t world_index(unsigned slot);
void *world_object(unsigned slot);
struct space *world_space(unsigned slot);

// A server: a task in a space of its own, bound to a portal.
struct server {
    struct task *task;
    struct portal *portal;
    struct space *space;
    unsigned task_slot, portal_slot, space_slot;
};

// Makes one, up to its first wait. Its deaths are told to init with BADGE.
void server_make(struct server *server, uint64_t deadline_ticks, uint64_t badge);

// The same with an existing portal.
void server_make_task(struct server *server);
void server_start(struct server *server);

// Destroys its task and space, makes them again from the same pages, and starts it.
void server_restart(struct server *server, uint64_t badge);

// Gives SERVER a capability of init's.
void server_grant(const struct server *server, unsigned to, unsigned from, uint64_t rights,
                  uint64_t badge_or_offset, uint64_t size);

// A VM: a space and some vCPUs.
#define GUEST_VCPUS 3
struct guest {
    struct space *space;
    unsigned space_slot;
    struct vcpu *vcpu[GUEST_VCPUS];
    unsigned vcpu_slot[GUEST_VCPUS];
};

#define MAY_ALL 0x1fffull

// Makes one whose exits of all classes go to SERVER; vCPU 0 is started.
void guest_make(struct guest *guest, const struct server *server, uint64_t badge);
void guest_make_vcpus(struct guest *guest, const struct server *server, uint64_t badge,
                      unsigned vcpus); // 1 to GUEST_VCPUS
void guest_route(const struct guest *guest, unsigned number, enum exit_class c,
                 unsigned portal_slot, uint64_t badge, uint64_t may, uint64_t write_mask,
                 uint64_t read_mask);

// init sleeps, so that guests can run.
void world_sleep(void);
