// The manifest: what init starts, who may do what, and which guests there are.
//
// A person writes it as a device tree source (guest/manifests/default-riscv64.dts explains every
// property), dtc compiles it, this library turns the blob into one plain struct. The blob is
// hostile: nothing in it is believed, and nothing is accepted that is not understood. Unknown nodes
// and properties are errors, because most of them are typing errors. What manifest_parse accepts is
// consistent as a whole, so whoever reads the struct need not check it again.
//
// No allocation, no globals; the struct holds copies and nothing that points into the blob.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/bundle.h"
#include "ipc/cap.h"
#include "ipc/config.h"
#include "ipc/exit.h"
#include "ipc/fs.h"
#include "ipc/limits.h"
#include "ipc/status.h"
#include "ipc/syscall.h"

#define MANIFEST_COMPATIBLE "exeunt,manifest-1"

#define MANIFEST_SERVERS 16
#define MANIFEST_VMS LIMITS_VMS
#define MANIFEST_WINDOWS 4     // of a server
#define MANIFEST_INTERRUPTS 4  // of a server
#define MANIFEST_EMULATES 4    // kinds of devices that one server emulates
#define MANIFEST_MEMORY 8      // regions of a VM
#define MANIFEST_RESERVED 4    // ranges of a VM
#define MANIFEST_PASSTHROUGH 8 // ranges of a VM
#define MANIFEST_DEVICES 8     // of a VM
#define MANIFEST_CONTROLLER_PARTS 3

#define MANIFEST_NAME CONFIG_NAME // names become config names; sizes count the NUL
#define MANIFEST_COMPATIBLE_SIZE 48
#define MANIFEST_CMDLINE 1024 // the most that Linux takes on riscv64 (COMMAND_LINE_SIZE)
#define MANIFEST_ISA 256

// A server is named by its index in manifest.server. These two are beside the indexes.
#define MANIFEST_INIT MANIFEST_SERVERS // in a mask of servers: init
#define MANIFEST_NONE 255              // no server

struct manifest_range {
    uint64_t address;
    uint64_t size; // in bytes; never 0, and address + size does not wrap
};

// Device registers that a server has mapped: host-physical, whole pages.
struct manifest_window {
    char name[MANIFEST_NAME];
    struct manifest_range host;
    uint32_t rights;                           // enum rights: R or R and W
    char compatible[MANIFEST_COMPATIBLE_SIZE]; // what device that is; "": not said
    uint32_t slot_size; // of the several devices that lie there one behind the other; 0: not said
};

struct manifest_server {
    char name[MANIFEST_NAME];
    char image[BUNDLE_NAME]; // its ELF file in the boot bundle
    uint32_t deadline_ms;    // one record takes it no longer than this; else it hangs
    uint32_t state_size;     // of its state region, whole pages; 0: it has none
    uint32_t dma_size;       // of its contiguous memory for a device, whole pages; 0: none
    uint32_t calls;          // servers whose portal it may call: bits 1 << index
    uint32_t signals;        // servers whose portal it may only signal: bits 1 << index
    bool guest_access;       // it may read guest memory by the architecture's instructions for it
    bool monitor;            // it may do what ipc/monitor.h says; one server at most
    uint32_t window_count;
    struct manifest_window window[MANIFEST_WINDOWS];
    uint32_t interrupt_count;
    uint32_t interrupt[MANIFEST_INTERRUPTS]; // physical lines
    uint32_t emulates_count;
    char emulates[MANIFEST_EMULATES][MANIFEST_COMPATIBLE_SIZE];
};

enum manifest_populate {
    MANIFEST_POPULATE_START,  // all of it is mapped before the guest runs
    MANIFEST_POPULATE_DEMAND, // mapped by the stage2 server at the first touch
};

// Guest RAM: guest-physical, whole pages.
struct manifest_memory {
    struct manifest_range guest;
    enum manifest_populate populate;
    uint32_t page; // bytes mapped at one touch (DEMAND): 4096 or 2 MiB; region is a multiple of it
};

// A part of guest RAM that the guest's device tree tells the guest to leave alone.
struct manifest_reserved {
    char name[MANIFEST_NAME];
    struct manifest_range guest; // inside one region of RAM
    bool no_map;                 // the guest must not even map it
};

// Host-physical addresses that the guest has mapped: whole pages. guest.size is the size of both.
struct manifest_passthrough {
    char name[MANIFEST_NAME];
    struct manifest_range guest;
    uint64_t host;
    uint32_t rights;                           // enum rights
    char compatible[MANIFEST_COMPATIBLE_SIZE]; // "" : not in the guest's device tree
    uint32_t bank_width;                       // of a flash, for the guest's tree; 0: not given
};

// Registers that a server emulates: guest-physical, any alignment.
struct manifest_device {
    char name[MANIFEST_NAME];
    char compatible[MANIFEST_COMPATIBLE_SIZE];
    struct manifest_range guest;
    // Of an interrupt controller: what vCPUs have of it, be that redistributors, one behind the
    // other, or a CPU interface, which each of them finds there. Size 0: nothing.
    struct manifest_range cpu_part;
    // And where the machine has what is found there; 0: it is emulated.
    uint64_t cpu_part_host;
    uint32_t line;  // by which it interrupts, at the VM's emulated interrupt controller; 0: none
    uint8_t server; // who emulates it; has `compatible` among its `emulates`
};

enum manifest_source {
    MANIFEST_SOURCE_NONE,
    MANIFEST_SOURCE_PATH,    // a file of the file system, read by the VM's loader
    MANIFEST_SOURCE_BUILTIN, // a file of the boot bundle
};

struct manifest_file {
    enum manifest_source source;
    char path[FS_PATH]; // "/sbin/gkernel", or the name in the bundle
};

struct manifest_vm {
    char name[MANIFEST_NAME];
    uint32_t id; // unique, below 256; indexes have nothing to do with it
    uint32_t vcpus;
    uint64_t features;                // enum vcpu_feature
    uint8_t exit[EXIT_GUEST_CLASSES]; // server by class; MANIFEST_NONE: there is no such
    uint8_t access[MANIFEST_SERVERS]; // enum rights: how that server has all guest RAM mapped
    uint8_t console;                  // the server that shows this guest's console
    uint8_t loader;                   // the server that reads its files; NONE when all are built in
    struct manifest_file image;       // never NONE
    uint64_t load_address;            // of a flat image; a page inside RAM
    bool entry_given;                 // else the image says it
    uint64_t entry;                   // inside RAM
    struct manifest_file initrd;
    struct manifest_file device_tree; // NONE: generated (libs/guestdt/guestdt.h)
    char cmdline[MANIFEST_CMDLINE];
    char isa[MANIFEST_ISA]; // "": the host's
    uint32_t memory_count;  // at least 1; in ascending order
    struct manifest_memory memory[MANIFEST_MEMORY];
    uint32_t reserved_count;
    struct manifest_reserved reserved[MANIFEST_RESERVED];
    uint32_t passthrough_count;
    struct manifest_passthrough passthrough[MANIFEST_PASSTHROUGH];
    uint32_t device_count;
    struct manifest_device device[MANIFEST_DEVICES];
};

// Registers of the interrupt controller beside the distributor's.
struct manifest_part {
    const char *property; // that says where they are; NULL: there are none
    struct manifest_range range;
};

struct manifest {
    uint64_t object_memory; // bytes that the core's objects are made of, whole pages
    uint8_t console;        // the server that shows the hypervisor's own lines
    struct {
        bool present; // always when a server has an interrupt
        struct manifest_range host;
        struct manifest_part part[MANIFEST_CONTROLLER_PARTS];
        uint32_t context; // this CPU's target number at the controller
    } interrupt_controller;
    struct manifest_range panic_console; // the core's, for its last words; size 0: it has none
    struct manifest_range reset; // the device that turns the machine off; size 0: it needs none
    uint32_t server_count;       // at least 1, in the order of the manifest
    struct manifest_server server[MANIFEST_SERVERS];
    uint32_t vm_count; // at least 1, in the order of the manifest
    struct manifest_vm vm[MANIFEST_VMS];
};

// The first thing found wrong.
struct manifest_error {
    char node[128];    // "/vms/vm0/exits"; "" when the blob as a whole is wrong
    char property[48]; // "hypercall"; "" when it is not about one property
    char text[512];    // the whole message, node and property included: what is wrong, what to do
};

// Parses the SIZE bytes at BLOB, a flattened device tree (Devicetree Specification 0.4, chapter 5)
// of the form that MANIFEST_COMPATIBLE names, for the architecture ARCH ("riscv64", "aarch64").
// BLOB must be aligned to 8 bytes. CORRUPT: not a device tree, or a broken one. UNSUPPORTED:
// another version of the form, or another architecture. NO_MEMORY: more servers, VMs, regions...
// than a limit above. INVALID: everything else; ERROR says what, and MANIFEST holds nothing useful.
NODISCARD enum status manifest_parse(const void *blob, size_t size, const char *arch,
                                     struct manifest *manifest, struct manifest_error *error);

// Checks what depends on the machine: that no device window or passthrough touches any of the COUNT
// ranges of RAM, and that the guests' memory together is smaller than ROOM, the bytes that are
// free. RANGE and ERROR where it is not so.
NODISCARD enum status manifest_check_machine(const struct manifest *manifest,
                                             const struct manifest_range *ram, unsigned count,
                                             uint64_t room, struct manifest_error *error);

// The index of the server NAME, or MANIFEST_NONE.
uint8_t manifest_find_server(const struct manifest *manifest, const char *name);
