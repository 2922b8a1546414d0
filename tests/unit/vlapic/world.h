// timer-server as x86_64 has it, in a world of three vCPUs. Each exit is served by a server that
// has just started and knows only the state; and again by others that died on the way.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/fakert/fakert.h"

#define WORLD_VM 7
#define WORLD_VCPU 30 // slots: 30 and 31 of VM 7, 40 of VM 9
#define WORLD_OTHER_VM 9
#define WORLD_OTHER_VCPU 40
#define WORLD_SLOTS 48
// Where what the guest executes begins: on two pages.
#define WORLD_CODE_AT 0x1ffau

// Of an exit's first word: intercepts (APM volume 2, appendix C), and that a register is written.
#define WORLD_CPUID 0x72u
#define WORLD_MSR 0x7cu
#define WORLD_WRITES (UINT64_C(1) << 32)

#define WORLD_X2APIC(number) (0x800u + (number))

struct world {
    uint64_t now;
    uint64_t reg[FAKERT_REGISTERS];
    uint8_t code[16];
    bool fetch_fails;
    bool is_stopped;      // the vCPU, during the service of its exit
    uint64_t seq[2][2];   // the number of each vCPU's last exit
    uint64_t deadline[2]; // that the core has, of each vCPU of WORLD_VM

    // The core: what each vCPU has pending, and the number of the last call for it.
    uint64_t pending[WORLD_SLOTS][4];
    uint64_t last_number[WORLD_SLOTS];

    // INIT, STARTUP and NMI, in their order.
    struct {
        unsigned vcpu;
        uint64_t input;
    } inputs[8];
    unsigned input_count;
};
extern struct world world;

// A setup of cmocka's: a new world.
int world_begin(void **unused);

struct message world_record(enum exit_class c, uint64_t vm, unsigned vcpu);

// An exit of a vCPU of WORLD_VM by an instruction on a register.
struct message world_access(unsigned vcpu, uint64_t code, uint32_t ecx, uint64_t edx_eax);

// One server gets the record; kill_at: it dies at that request, 0: at none.
enum fakert_end world_run(const struct message *record, unsigned kill_at);

// It must answer, and validly.
struct reply world_serve(const struct message *record);

// Others die on it first, at each of their requests; then it is served twice, alike; and what
// changes something once more, alike, later by as much as a server's death may take. The core
// behind it has the deadline that the APIC has.
#define WORLD_DEATH 100000
struct reply world_serve_after_deaths(const struct message *record);

// WRMSR, of a vCPU and of the first one; the second must succeed. RDMSR.
struct reply world_write_from(unsigned vcpu, uint32_t msr, uint64_t value);
void world_write(uint32_t msr, uint64_t value);
uint64_t world_read(uint32_t msr);

void world_expect_fault(struct reply reply, unsigned vector);
void world_expect_refused(uint32_t msr, uint64_t value);

// The vCPU's local APIC, by MSRs.
void world_turn_on(unsigned vcpu);

// The most urgent interrupt that is pending; 0: none. It is not any more.
unsigned world_takes(unsigned vcpu);

// All that the vCPU was given since the last time.
void world_expect_inputs(unsigned vcpu, const uint64_t *input, unsigned count);
