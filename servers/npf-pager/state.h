// What npf-pager leaves to the one that follows it, in its state region. Mappings are not in it:
// they are the core's, and adding one twice is the same as once.
//
// Devices' words follow one another in the order of the config, in `device` and, where that is too
// little, behind it. Behind those, what each vCPU has for `code_compute` (machine.h).
#pragma once

#include <assert.h>
#include <stdint.h>

#include "ipc/limits.h"
#include "servers/npf-pager/device.h"

#define PAGER_STATE_VERSION 1u

#define PAGER_VMS 4      // their places: in the order in which the config names them
#define PAGER_VCPUS 48   // of all VMs together
#define PAGER_DEVICES 16 // of all VMs together

static_assert(PAGER_VMS >= LIMITS_VMS && PAGER_VCPUS >= LIMITS_VCPUS &&
                  PAGER_DEVICES >= LIMITS_DEVICES,
              "a manifest that is accepted fits in here");

struct pager_state {
    // Of the last exit whose effect on a device was committed. Bit 63: of a pair only the first
    // half's (pair.c), of what loads and stores the store's, too (compute.c).
    uint64_t seq[PAGER_VCPUS];
    uint64_t device[PAGER_DEVICES][DEVICE_WORDS];
};

static_assert(2 * sizeof(struct pager_state) + 64 <= 4096, "the region is one page");
