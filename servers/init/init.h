// init: the first task. It has everything at the start, hands it out as the manifest says, and then
// only watches. It is on the way of no exit, never calls anyone, and never waits for anything but
// its own portal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/bundle.h"
#include "ipc/config.h"
#include "ipc/fs.h"
#include "ipc/ring.h"
#include "libs/chacha20/chacha20.h"
#include "libs/manifest/manifest.h"
#include "libs/rt/rt.h"

// init sees the machine's memory at this distance. The lower half of its address space is large
// enough for all of it. (On the host, tests have other things there.)
#ifndef INIT_DIRECT
#define INIT_DIRECT 0x1000000000ull
#endif

// And the machine's device tree here, which lies in memory that is mapped later.
#define INIT_TREE 0x800000000ull

// Slots of init's own table. Each server and each VM has a block of its own.
#define SLOT_INIT_PORTAL INIT_SLOT_FREE
#define SLOT_BODY_SPARE 10u // and the next one
#define SLOT_SERVER(i) (16u + (i) * 16u)
#define SLOT_VM(i) (SLOT_SERVER(MANIFEST_SERVERS) + (i) * 128u)

enum server_slot {
    SERVER_SLOT_BODY, // and the next one
    SERVER_SLOT_PORTAL = 2,
    SERVER_SLOT_IRQ, // and the following ones
};

enum vm_slot {
    VM_SLOT_SPACE,
    VM_SLOT_VCPU, // and the following ones
};

// Physical memory that init gives to something.
struct memory {
    uint64_t physical;
    uint64_t size;
};

// A number of pages of the core's object memory.
struct objects {
    uint32_t first;
    uint32_t pages;
};

// Guest RAM without holes: the regions of the manifest that touch each other.
struct span {
    uint64_t guest;
    uint64_t size;
    uint64_t physical;
};

// What a server is started from: an ELF file, in the boot bundle or in memory that was taken for
// it.
struct file {
    const char *name;
    const uint8_t *content;
    uint64_t size;
    uint64_t offset;      // in the bundle; where it isn't in `memory`
    struct memory memory; // size 0: it lies in the bundle
};

// What a server's task is made of. All bodies are alike, and there is one more than there are
// servers: in that one the next version of a server is prepared while the old one serves.
struct body {
    unsigned slot; // of the task; the next one is its space's
    struct objects task, space;
    struct memory image; // the writable segments and the stack
    struct memory config;
};

// Why a server's task was let in.
enum server_start {
    START_FIRST,
    START_RESTART,
    START_REPLACEMENT,
    START_AGAIN
}; // AGAIN: no pause counts

struct server {
    const struct manifest_server *manifest;
    struct file file;
    struct body *body;
    struct objects portal, irq;
    struct memory state, dma, log;
    struct memory jobs;     // struct fs_jobs, shared with it if it is some VM's loader
    uint32_t loaded;        // those that it has told of, by number
    uint64_t incarnation;   // how often it was started
    uint64_t death_word;    // what the register for functions' values held when it died
    uint64_t death_pc;      // where the last one died
    uint32_t early_deaths;  // in a row, before it had taken over
    uint32_t version;       // of the state that it writes
    bool side;              // changes with each replacement: part of badges, see server_badge
    bool taken;             // it has taken over: it serves
    bool awaited;           // the monitor killed it and waits until it serves again
    bool given_up;          // it died too often and is not started again
    enum server_start last; // what its last start was
    uint32_t restarts;      // after deaths
    uint32_t replacements;  // planned ones
    uint64_t pause_restart; // the longest, in instructions
    uint64_t pause_replace; // the same
};

// In the order of enum monitor_vm_state.
enum vm_state { VM_LOADING, VM_RUNNING, VM_ENDED, VM_FAILED };

#define VM_TREE_BYTES 0x10000ull // kept free for the device tree at the end of the first span

struct vm {
    const struct manifest_vm *manifest;
    struct objects space, vcpus;
    uint32_t span_count;
    struct span span[MANIFEST_MEMORY];
    struct memory output, input; // console rings
    uint64_t entry;              // from the image
    uint64_t image_end;          // guest-physical, behind all of it
    struct manifest_range initrd;
    uint64_t tree; // guest-physical address of its device tree
    uint32_t jobs; // files that are not loaded yet
    enum vm_state state;
};

// What init knows of the machine, from the device tree that the firmware left.
struct machine {
    uint64_t timebase; // ticks of the counter a second
    // What CPUs can do, as far as that is for device trees to say; see struct guestdt_params.
    char isa[MANIFEST_ISA];
    char mmu[32];
    struct manifest_range ram[4];
    unsigned ram_count;
    struct manifest_range tree; // the device tree itself
    uint64_t uart;              // its registers, for the lines before there is a console
    const struct uart_driver *uart_driver;
    uint64_t reset; // the registers of the device that turns the machine off; 0: there is none
    // The firmware's /chosen/rng-seed, from which every VM gets a seed of its own.
    uint8_t seed[CHACHA20_KEY];
    bool has_seed;
};

#define MEMORY_RANGES 16

struct init {
    const struct bundle_header *bundle;
    struct machine machine;
    struct manifest manifest;
    struct server server[MANIFEST_SERVERS];
    struct body body[MANIFEST_SERVERS + 1];
    struct body *spare;
    struct memory spare_file; // where a new version's ELF file goes; size 0: none is taken yet
    struct vm vm[MANIFEST_VMS];
    uint8_t monitor;              // the server that is the monitor, or MANIFEST_NONE
    struct memory look;           // what it asked for
    struct memory buffer;         // files for it
    struct memory monitor_output; // its console rings
    struct memory monitor_input;
    struct memory log;                         // init's own ring
    struct manifest_range free[MEMORY_RANGES]; // physical memory that nobody has yet
    unsigned free_count;
    uint64_t high;         // where the frame INIT_SLOT_HIGH begins
    uint32_t object_next;  // the first page of object memory that nobody has yet
    uint32_t object_count; // how many there are in all
    bool ending;           // all VMs have ended; waiting for the console to finish
    bool failed;           // the machine is to end with a failure
    bool sees_machine;     // the machine's UART and reset registers are mapped
};

extern struct init init;

// end.c

// Ends the machine, with STATUS 0 (all is well) or 1.
_Noreturn void init_end(unsigned status);

// Has the console finish its work, then ends the machine; with a failure when FAILED, or when it
// was said before.
void init_finish(bool failed);

// Says what keeps init from going on, past the console: that may not be there yet.
__attribute__((format(printf, 1, 2))) void init_refuse(const char *format, ...);

// machine.c: reads the machine's device tree at physical address TOLD; machine_x86_64.c: what the
// loader has told, which lies there.
void machine_read(struct machine *machine, uint64_t told);

// memory.c: physical memory and object memory. Running out of either at the start is the
// manifest's fault: it ends the machine with a message.
void memory_start(uint64_t begin);
struct memory memory_try(uint64_t size, uint64_t align); // size 0: there is none
struct memory memory_take(uint64_t size, uint64_t align, const char *what);

// What is free, to go back to: as if nothing had been taken since.
struct memory_mark {
    struct manifest_range free[MEMORY_RANGES];
    unsigned count;
};
struct memory_mark memory_mark(void);
void memory_undo(const struct memory_mark *mark);

struct objects objects_take(uint32_t pages, uint32_t align, const char *what);
uint64_t memory_room(void);
void *memory_see(uint64_t physical); // where init has it
void *memory_see_device(uint64_t physical);
void memory_clear(struct memory memory);

// core.c: the core's system calls, as init uses them. What fails here is a bug in init or a
// manifest that nobody could check: it ends the machine with a message that says WHAT failed.
void core_create(enum object_type type, struct objects where, unsigned slot, uint64_t argument0,
                 uint64_t argument1, const char *what);
void core_destroy(unsigned slot, const char *what);
void core_map(unsigned space, uint64_t address, uint64_t physical, uint64_t size, uint64_t rights,
              const char *what);
void core_map_bundle(unsigned space, uint64_t address, uint64_t offset, uint64_t size,
                     uint64_t rights, const char *what);
void core_grant(unsigned task, unsigned to, unsigned from, uint64_t rights, uint64_t badge,
                const char *what);
void core_grant_frame(unsigned task, unsigned to, struct memory memory, uint64_t rights,
                      const char *what);
void core_bind(enum bind bind, const uint64_t *arguments, unsigned count, const char *what);
// TASK receives on PORTAL. *PAUSE: the last one's there, in instructions. BUSY: the task has died.
NODISCARD enum status core_bind_task(unsigned portal, unsigned task, uint64_t *pause);
enum status core_vcpu(unsigned slot, enum vcpu_op op, uint64_t a1, uint64_t a2, uint64_t a3);
struct rt_words core_task_read(unsigned slot);
enum status core_task_stop(unsigned slot); // its death will be told. BUSY: it is dead
void core_task(unsigned slot, enum task_op op, uint64_t a1, uint64_t a2, uint64_t a4,
               const char *what);

// body.c

// Checks that FILE can be a server's; *WRITABLE is what its segments need of a body's image. NULL,
// or what is wrong.
const char *body_check(const struct file *file, uint64_t *writable);

// Whether ADDRESS lies in the page below the stack of a server made from FILE.
bool body_stack_guard(const struct file *file, uint64_t address);

// Makes task and space of SERVER in BODY from FILE and gives them what the manifest says. Returns
// where it is to be entered: it has not started, and is bound to no portal yet.
uint64_t body_make(struct server *server, struct body *body, const struct file *file, bool side);
void body_start(const struct body *body, uint64_t entry);
void body_end(const struct body *body);

// Takes what a body is made of.
void body_prepare(struct body *body, unsigned slot, uint64_t image, const char *name);

// server.c
void server_find(unsigned index);    // first for each: its file
void server_prepare(unsigned index); // then: memory, objects, portal
void server_start(unsigned index);
void server_restart(unsigned index);
void server_start_again(struct server *server); // the same, when its body has been ended already

// BODY's task is who receives on SERVER's portal from now on, because of START.
void server_bind(struct server *server, const struct body *body, enum server_start start);

const struct bundle_file *server_bundle_file(const char *name); // NULL: there is no such

// How records of a server's task say who it is: its number, and which of two versions.
static inline uint64_t server_badge(const struct server *server, bool side) {
    return (uint64_t)(server - init.server) | (uint64_t)side << 8;
}
static inline unsigned server_of_badge(uint64_t badge) { return badge & 0xff; }
static inline bool server_side_of_badge(uint64_t badge) { return badge >> 8 & 1; }

// The longest pauses so far, the last one included.
void server_measure(struct server *server);

// What happened to servers, at the end of a run in which something did.
void server_report_all(void);

// replace.c: a planned replacement, one at a time.
enum status replace_begin(struct server *server, uint64_t bytes);
void replace_ready(uint32_t version);     // the new one is prepared
void replace_taken(void);                 // it has taken over
void replace_refused(enum status status); // it can't
void replace_died(void);                  // it died
// SERVER's old one died, perhaps while it is being replaced. True: the new one is the server now.
bool replace_abandon(struct server *server);
bool replace_is_new(const struct server *server, bool side); // is that the new one?
const struct file *replace_file(void);                       // what that was started from
void replace_outcome(uint64_t word[MESSAGE_WORDS]);

// monitor.c: what a monitor may ask for (ipc/monitor.h).
void monitor_prepare(void);
enum status monitor_handle(const struct message *message, struct reply *reply);

// config.c: what a server is given. See ipc/config.h.
struct config_writer {
    unsigned server;
    const struct body *body;
    bool side;
    unsigned slot;    // the next free one in the server's table
    uint64_t address; // the next free one in its space
    struct config *config;
    char *text; // the texts grow down from the end
};
void config_write(struct config_writer *writer);

// tree.c: writes the device tree of VM to the SIZE bytes at TO, if it is not one from the disk.
// False when it can't be made, which has been said.
bool tree_make(const struct vm *vm, void *to, size_t size);

// vm.c
// Memory for all VMs: where pages of 1 GiB can serve it, unless there is not room for all that way.
void vm_place_all(void);
void vm_prepare(unsigned index);
void vm_start(struct vm *vm); // its files are there
void vm_stop(struct vm *vm, enum vm_state state);
struct vm *vm_by_badge(uint64_t badge);
void vm_lose_server(unsigned server); // it is not started again: who needs it is stopped

// load.c
void load_list(unsigned loader);                  // what server LOADER is to load
void load_done(uint64_t loader, uint64_t number); // it says that it has done job NUMBER

// handle.c
rt_handler init_handle;

// report.c: the lines that say why a VM was stopped.
void report_vm(const struct vm *vm, const struct message *message);
// A task of SERVER that was started from FILE died; THEN is what is done about it.
void report_fault(const struct server *server, const struct file *file, const char *then,
                  const struct message *message);
