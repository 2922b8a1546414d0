// What version 2 of sbi-server leaves to the one that follows it. Against version 1's layout: what
// a call with an effect changes stands together, in another order, and such calls are counted.
#pragma once

#include <assert.h>
#include <stdint.h>

#define SBI_STATE_VERSION 2u

#define SBI_VMS 4    // their places: in the order in which the config names them
#define SBI_VCPUS 48 // of all VMs together

struct sbi_vcpu_state {
    uint64_t hart;    // enum sbi_hart
    uint64_t calls;   // with an effect, that a version 2 has answered
    uint64_t word[2]; // the last one's answer: struct reply's first two words and flags
    uint64_t flags;   //
    uint64_t seq;     // of that call; 0: there was none
};

struct sbi_console_state {
    uint64_t tail; // bytes of input the guest ever took; ring.tail follows it
    uint64_t head; // bytes of output the guest ever wrote; ring.head follows it
};

struct sbi_state {
    uint64_t migrated; // the version that this state was migrated from; 0: it began as version 2
    struct sbi_vcpu_state vcpu[SBI_VCPUS];
    struct sbi_console_state console[SBI_VMS];
};

static_assert(2 * sizeof(struct sbi_state) + 64 <= 8192, "the region is two pages");

// Version 1's, of servers/sbi-server/state.h, as it has to be known for ever.
struct sbi_vcpu_state_1 {
    uint64_t seq, flags, word[2], hart;
};

struct sbi_state_1 {
    struct {
        uint64_t head, tail;
    } console[SBI_VMS];
    struct sbi_vcpu_state_1 vcpu[SBI_VCPUS];
};

static_assert(sizeof(struct sbi_state_1) == 1984, "as version 1 wrote it");
