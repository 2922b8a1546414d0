// What sbi-server leaves to the one that follows it, in its state region. It is all that makes
// repeated calls harmless: a call that has an effect of its own on the world (bytes of the console,
// a vCPU started) is written down with its sequence number and its answer in the same commit as the
// effect.
#pragma once

#include <assert.h>
#include <stdint.h>

#include "ipc/limits.h"

#define FIRMWARE_STATE_VERSION 1u

#define FIRMWARE_VMS 4    // their places: in the order in which the config names them
#define FIRMWARE_VCPUS 48 // of all VMs together

static_assert(FIRMWARE_VMS >= LIMITS_VMS && FIRMWARE_VCPUS >= LIMITS_VCPUS,
              "a manifest that is accepted fits in here");

struct firmware_vcpu_state {
    uint64_t seq;     // of the last call with an effect; 0: there was none
    uint64_t flags;   // its answer: struct reply's flags and first two words
    uint64_t word[2]; //
    uint64_t power;   // enum power
};

struct firmware_console_state {
    uint64_t head; // bytes of output the guest ever wrote; ring.head follows it
    uint64_t tail; // bytes of input the guest ever took; ring.tail follows it
    uint64_t uart; // what the guest has written to its UART's registers, where there is one
};

struct firmware_state {
    struct firmware_console_state console[FIRMWARE_VMS];
    struct firmware_vcpu_state vcpu[FIRMWARE_VCPUS];
};

static_assert(2 * sizeof(struct firmware_state) + 64 <= 4096, "the region is one page");
