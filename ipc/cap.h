// Capabilities: what a task may name. A capability lives in a slot of its task's table; the
// slot's number is all a task ever holds. Slot 0 is always empty.
#pragma once

#include <stdint.h>

// Kinds of objects. X(name, one line)
#define OBJECT_LIST(X)                                                                             \
    X(NONE, "an empty slot")                                                                       \
    X(FRAME, "a range of physical memory")                                                         \
    X(POOL, "the memory that objects are made of")                                                 \
    X(TASK, "an address space, one thread and a table of capabilities")                            \
    X(SPACE, "page tables: a task's, or a guest's second stage")                                   \
    X(VCPU, "a guest's CPU")                                                                       \
    X(PORTAL, "an endpoint that one task receives on")                                             \
    X(IRQ, "a physical interrupt line")

#define OBJECT_ENUM(name, text) OBJECT_##name,
enum object_type { OBJECT_LIST(OBJECT_ENUM) OBJECT_COUNT };
#undef OBJECT_ENUM

// What a capability allows. A copy may have fewer rights, never more.
enum rights {
    RIGHT_R = 1 << 0,      // frame: map for reading; vcpu, task: read registers and counters
    RIGHT_W = 1 << 1,      // frame: map for writing; space: change mappings
    RIGHT_X = 1 << 2,      // frame: map for execution
    RIGHT_CALL = 1 << 3,   // portal: call and signal
    RIGHT_MANAGE = 1 << 4, // any object: bind, start, stop, destroy
    RIGHT_GRANT = 1 << 5,  // the capability may be copied
    RIGHT_DEVICE = 1 << 6, // frame: map as the registers of a device, in order and not cached
    RIGHTS_ALL = (1 << 7) - 1,
};

// The slots that the core fills for `init`, the first task.
enum init_slot {
    INIT_SLOT_POOL = 1,   // object memory
    INIT_SLOT_TASK = 2,   // init itself
    INIT_SLOT_SPACE = 3,  // init's own address space
    INIT_SLOT_LOW = 4,    // frame: all physical memory below the core
    INIT_SLOT_HIGH = 5,   // frame: all physical memory above the bundle and the object memory
    INIT_SLOT_BUNDLE = 6, // frame, not writable: the boot bundle
    INIT_SLOT_FREE = 8,   // the first slot that init may use as it likes
};
