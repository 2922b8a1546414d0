// What an x86_64 guest's CPU finds beside the processor: its local APIC with the timer, CPUID, and
// the model-specific registers that the hardware does not keep for it.
//
// Each exit that changes an APIC is one commit, with its sequence number and with the first output
// that is due; outputs are given to the core behind the commit that they are in. Whoever takes over
// gives the last ones again before it looks at anything (pc_adopt), and an exit that comes again is
// answered from the state.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/config.h"
#include "ipc/limits.h"
#include "libs/rt/rt.h"
#include "libs/state/state.h"
#include "libs/vlapic/vlapic.h"

#define PC_VMS 4
#define PC_VCPUS 16 // of all VMs together
#define PC_NUMBERS 256

static_assert(PC_VMS >= LIMITS_VMS && PC_VCPUS >= LIMITS_VCPUS_APIC,
              "a manifest that is accepted fits in here");

#define PC_STATE_VERSION 1u

struct pc_vcpu_state {
    uint64_t seq; // of the last exit that changed it; 0: there was none
    struct vlapic lapic;
};

struct pc_state {
    struct pc_vcpu_state vcpu[PC_VCPUS];
};
static_assert(2 * sizeof(struct pc_state) + STATE_SLOTS_AT <= 8192, "the region is two pages");

struct pc_vm {
    uint32_t vcpus;
    uint32_t first;          // place of its first vCPU in struct pc_state
    unsigned slot[PC_VCPUS]; // capabilities
};

struct pc {
    struct state state;
    uint32_t vm_count;
    struct pc_vm vm[PC_VMS];
    uint8_t place[PC_NUMBERS]; // of a VM in `vm`, by its number, plus one; 0: there is none
};

// An exit being served.
struct pc_exit {
    struct pc *pc;
    const struct pc_vm *vm;
    const struct message *record;
    uint32_t vcpu;
    bool is_new;         // its effects are not in the state yet
    struct vlapic lapic; // as it is to be
};

// Forms the VMs from CONFIG. INVALID where it contradicts itself, NO_MEMORY where it is more than
// there is room for; *WRONG names the entry.
NODISCARD enum status pc_configure(struct pc *pc, const struct config *config, const char **wrong);

// Takes over the state in the region, or begins it, and gives the last outputs once more.
NODISCARD enum status pc_adopt(struct pc *pc, void *region, size_t size);

// Fills EXIT from RECORD. False: it is from a vCPU that the config does not know.
bool pc_begin(struct pc *pc, const struct message *record, struct pc_exit *exit);

// The exit's effects on its APIC, and IPI's on others, happen; what follows from them is given.
void pc_settle(struct pc_exit *exit, const struct vlapic_ipi *ipi);

// The server: rt_serve's handler over a struct pc.
rt_handler pc_serve;

// CPUID as this server's own CPU has it, and as it is answered to a vCPU (cpuid.c).
struct pc_cpuid_result {
    uint32_t a, b, c, d;
};
struct pc_cpuid_result pc_host_cpuid(uint32_t leaf, uint32_t subleaf);
struct pc_cpuid_result pc_cpuid(uint64_t badge, uint32_t vcpu, uint32_t leaf, uint32_t subleaf);

// Answers accesses to model-specific registers (msr.c).
void pc_msr(struct pc_exit *exit, struct reply *reply);

// Answers control registers, and instructions about caches (control.c).
void pc_control(struct pc_exit *exit, struct reply *reply);

// Register NUMBER of the vCPU whose exit is served. Does not return when that has been stopped.
uint64_t pc_register(const struct pc_exit *exit, unsigned number);

// The exception VECTOR, without or with the error code 0, in place of the instruction.
#define PC_UNDEFINED 6
#define PC_PROTECTION 13
void pc_refuse(struct reply *reply, unsigned vector);

// Words of a SYSREG exit.
enum { PC_WORD_CODE, PC_WORD_ECX, PC_WORD_EDX_EAX };
#define PC_CODE_MASK 0xffffffffu
#define PC_CODE_WRITES (UINT64_C(1) << 32)

// Intercepts (APM volume 2, appendix C).
#define PC_CODE_WRITE_CR4 0x14u
#define PC_CODE_WRITE_CR8 0x18u
#define PC_CODE_RDPMC 0x6fu
#define PC_CODE_CPUID 0x72u
#define PC_CODE_INVD 0x76u
#define PC_CODE_MSR 0x7cu
#define PC_CODE_WBINVD 0x89u

// The two words in which CPUID is answered.
static inline uint64_t pc_word(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

// How many vCPUs the VM has whose exits have BADGE.
uint32_t pc_vcpus(const struct pc *pc, uint64_t badge);

// The server that quick.c answers for; its place in the state for RECORD's vCPU, NULL: none.
extern struct pc pc_server;
const struct pc_vcpu_state *pc_state_of(const struct pc *pc, uint64_t badge, uint32_t vcpu);
