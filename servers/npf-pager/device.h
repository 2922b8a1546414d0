// Emulated devices. A model is a pair of pure functions over the device's state, a few words of the
// server's state region: a read or a write, at an offset, at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libs/state/state.h"

#define DEVICE_WORDS 8 // of state, that most devices have

struct pager;
struct pager_device;
struct pager_vm;
struct message;
struct reply;

// An access to a device that does more than change its own words.
struct device_access {
    struct pager *pager;
    const struct pager_vm *vm;
    const struct message *record;
    struct reply *reply; // what the access is answered by: the device adds its effects
    uint64_t offset;     // into the registers, a multiple of SIZE
    uint64_t value;      // of a store
    uint32_t size;
    uint32_t vcpu;         // that exited
    uint32_t state_offset; // of the device's words
    uint32_t line;         // by which the device interrupts; 0: none
};

// What such a device has in place of `read` and `write`.
struct device_effects {
    // The server has taken over the state: what was committed and may not be published yet is now.
    // NULL: nothing is.
    void (*open)(struct pager *pager, const struct pager_device *device);
    // Something may have arrived for it from outside of the guest. Commits by itself what that
    // changes. NULL: nothing does.
    void (*input)(struct pager *pager, const struct pager_device *device);
    // Commits by itself what it changes, and the exit's number with it if it needs that; a load
    // that comes again is answered as the first time.
    uint64_t (*load)(const struct device_access *access);
    // In place of `load`, where loads do nothing but answer: from OBJECT, which the device of a VM
    // has for as long as this server lives. Then they have a shorter way (quick.c). With a `load`,
    // too: those from QUIET on. The shorter way asks for others as well, and those LOOK hands to
    // the long one (rt_handle_rest).
    uint64_t quiet;
    uint64_t (*look)(const void *object, uint64_t offset, unsigned size);
    const void *(*object)(const struct pager *pager, const struct pager_vm *vm);
    // What it changes becomes part of the commit that follows. Not called for one that comes again.
    void (*store)(const struct device_access *access);
    // The store is committed, now or by the server before this one.
    void (*stored)(const struct device_access *access);
};

struct device_model {
    const char *name; // `compatible` without the vendor and the comma
    uint64_t sizes;   // which sizes of access there are: a mask of 1, 2, 4, 8
    uint32_t words;   // of state
    // Whether it can interrupt. Not so one that had to at a time: this server wakes for exits and
    // signals, and nobody would send it one then.
    bool interrupts;
    // The first state: WORD arrives zeroed. EPOCH: nanoseconds from 1970 to when the machine was
    // started.
    void (*reset)(uint64_t *word, uint64_t epoch);
    // WORD is the device's state as last committed; what the access changes of it becomes part of
    // STATE's next commit. OFFSET is into the registers, a multiple of the access' size; NOW counts
    // nanoseconds since the machine was started. Reading twice must be the same as reading once,
    // later.
    uint64_t (*read)(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now);
    void (*write)(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now,
                  uint64_t value);
    const struct device_effects *effects; // NULL: there are none
};

// The model called NAME, or NULL.
const struct device_model *device_find(const char *name);
