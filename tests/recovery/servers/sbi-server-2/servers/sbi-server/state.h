// What version 2 of sbi-server leaves to the one that follows it. Against version 1's layout: what
// a call with an effect changes stands together, in another order, and such calls are counted.
#pragma once

#include <assert.h>
#include <stdint.h>

#define FIRMWARE_STATE_VERSION 2u

#define FIRMWARE_VMS 4    // their places: in the order in which the config names them
#define FIRMWARE_VCPUS 48 // of all VMs together

struct firmware_vcpu_state {
    uint64_t power;   // enum power
    uint64_t calls;   // with an effect, that a version 2 has answered
    uint64_t word[2]; // the last one's answer: struct reply's first two words and flags
    uint64_t flags;   //
    uint64_t seq;     // of that call; 0: there was none
};

struct firmware_console_state {
    uint64_t uart; // what the guest has written to its UART's registers, where there is one
    uint64_t tail; // bytes of input the guest ever took; ring.tail follows it
    uint64_t head; // bytes of output the guest ever wrote; ring.head follows it
};

struct firmware_state {
    uint64_t migrated; // the version that this state was migrated from; 0: it began as version 2
    struct firmware_vcpu_state vcpu[FIRMWARE_VCPUS];
    struct firmware_console_state console[FIRMWARE_VMS];
};

static_assert(2 * sizeof(struct firmware_state) + 64 <= 8192, "the region is two pages");

// Version 1's, of servers/sbi-server/state.h, as it has to be known for ever.
struct firmware_vcpu_state_1 {
    uint64_t seq, flags, word[2], power;
};

struct firmware_state_1 {
    struct {
        uint64_t head, tail, uart;
    } console[FIRMWARE_VMS];
    struct firmware_vcpu_state_1 vcpu[FIRMWARE_VCPUS];
};

static_assert(sizeof(struct firmware_state_1) == 2016, "as version 1 wrote it");
