// Capabilities: the entries of a task's table.
#pragma once

#include "ipc/cap.h"
#include "kernel/object/pool.h"
#include "kernel/types.h"

struct task;

struct cap {
    uint8_t type;        // enum object_type
    uint8_t rights;      // enum rights
    uint16_t index;      // the object's first page in the pool
    uint32_t generation; // of that page when the capability was made
    uint64_t base;       // frame: host-physical; portal: the badge its receiver sees
    uint64_t size;       // frame: bytes
};

// The capability in SLOT of TASK, when it is of TYPE, alive and has all of RIGHTS; else NULL and
// *STATUS says why not. One that says so already stays as it is: several may be looked for before
// the question is asked.
const struct cap *cap_find(const struct task *task, uint64_t slot, enum object_type type,
                           unsigned rights, enum status *status);

// The object behind it; NULL like cap_find. Not for frames, which have none.
void *cap_object(const struct task *task, uint64_t slot, enum object_type type, unsigned rights,
                 enum status *status);

// Whether the object that CAP was made for is still there.
bool cap_alive(const struct cap *cap);

// Checks that SLOT of TASK may be filled.
NODISCARD enum status cap_check_free(const struct task *task, uint64_t slot);

// Fills SLOT with a capability of all rights to the object at INDEX of the pool.
void cap_set_object(struct task *task, uint64_t slot, uint32_t index);

// Fills SLOT with a capability to physical memory.
void cap_set_frame(struct task *task, uint64_t slot, hpa_t base, uint64_t size, unsigned rights);
