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
// enough for all of it.
#define INIT_DIRECT 0x1000000000ull

// Slots of init's own table. Each server and each VM has a block of its own.
#define SLOT_INIT_PORTAL INIT_SLOT_FREE
#define SLOT_SERVER(i) (16u + (i) * 16u)
#define SLOT_VM(i) (SLOT_SERVER(MANIFEST_SERVERS) + (i) * 128u)

enum server_slot {
    SERVER_SLOT_TASK,
    SERVER_SLOT_SPACE,
    SERVER_SLOT_PORTAL,
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

struct server {
    const struct manifest_server *manifest;
    const struct bundle_file *file;
    struct objects task, space, portal, irq;
    struct memory image; // its writable segments and its stack
    struct memory config, state, dma, log;
    uint64_t incarnation;  // how often it was started
    uint64_t death_pc;     // where the last one died
    uint32_t early_deaths; // in a row, before it could have served anything
};

enum vm_state { VM_LOADING, VM_RUNNING, VM_ENDED, VM_FAILED };

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
    uint64_t timebase;
    char isa[MANIFEST_ISA];
    char mmu[32];
    struct manifest_range ram[4];
    unsigned ram_count;
    struct manifest_range tree; // the device tree itself
    uint64_t uart;              // a 16550's registers, for the lines before there is a console
    uint64_t reset;             // sifive,test0's
    // The firmware's /chosen/rng-seed, from which every VM gets a seed of its own.
    uint8_t seed[CHACHA20_KEY];
    bool has_seed;
};

struct init {
    const struct bundle_header *bundle;
    struct machine machine;
    struct manifest manifest;
    struct server server[MANIFEST_SERVERS];
    struct vm vm[MANIFEST_VMS];
    struct memory log;             // init's own ring
    struct memory jobs;            // struct fs_jobs, shared with the loader
    struct manifest_range free[4]; // physical memory that nobody has yet
    unsigned free_count;
    uint64_t high;         // where the frame INIT_SLOT_HIGH begins
    uint32_t object_next;  // the first page of object memory that nobody has yet
    uint32_t object_count; // how many there are in all
    uint32_t loaded;       // jobs that the loader has told of, by number
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

// machine.c: reads the machine's device tree at physical address TREE.
void machine_read(struct machine *machine, uint64_t tree);

// memory.c: physical memory and object memory. Running out of either at the start is the
// manifest's fault: it ends the machine with a message.
void memory_start(uint64_t begin);
struct memory memory_take(uint64_t size, uint64_t align, const char *what);
struct objects objects_take(uint32_t pages, uint32_t align, const char *what);
uint64_t memory_room(void);
static inline void *memory_see(uint64_t physical) {
    return (void *)(uintptr_t)(physical + INIT_DIRECT);
}
void memory_clear(struct memory memory);

// core.c: the core's system calls, as init uses them. What fails here is a bug in init or a
// manifest that nobody could check: it ends the machine with a message that says WHAT failed.
void core_create(enum object_type type, struct objects where, unsigned slot, uint64_t argument0,
                 uint64_t argument1, uint64_t argument2, const char *what);
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
enum status core_vcpu(unsigned slot, enum vcpu_op op, uint64_t a1, uint64_t a2, uint64_t a3);
bool core_task_receives(unsigned slot); // it has come as far as its receive loop
void core_task(unsigned slot, enum task_op op, uint64_t a1, uint64_t a2, uint64_t a4,
               const char *what);

// server.c: starts server INDEX, the first time or again after its death.
void server_prepare(unsigned index);
void server_start(unsigned index);
void server_restart(unsigned index);

// config.c: what a server is given. See ipc/config.h.
struct config_writer {
    unsigned server;
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
void vm_prepare(unsigned index);
void vm_list_jobs(struct fs_jobs *jobs);
void vm_loaded(uint64_t loader, uint64_t number);
void vm_stop(struct vm *vm, enum vm_state state);
struct vm *vm_by_badge(uint64_t badge);

// handle.c
rt_handler init_handle;

// report.c: the lines that say why a VM was stopped.
void report_vm(const struct vm *vm, const struct message *message);
void report_fault(const struct server *server, const struct message *message);
