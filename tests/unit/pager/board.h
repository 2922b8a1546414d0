// A VM with aarch64's devices, npf-pager's own main over the fake runtime, and what outlives that
// server: its state, the rings, and what the core has of interrupts.
#pragma once

#include "ipc/ring.h"
#include "libs/pl011/pl011.h"
#include "servers/npf-pager/pager.h"
#include "tests/unit/fakert/fakert.h"

#define VM 9
#define VCPUS 2
#define VCPU_SLOT 30 // the first one's
#define UART 0x9000000ull
#define GICD 0x8000000ull
#define GICR 0x80a0000ull
#define GICR_SECOND 0x20000ull // from the first vCPU's to the second's

#define UART_LINE 1
#define UART_INTID (32 + UART_LINE)

#define BOARD_SGI1R (3u << 20 | 5u << 17 | 12u << 10 | 7u << 5 | 11u << 1) // from x7

// What the core has of a vCPU's interrupts.
struct board_core {
    uint64_t number; // of the last output
    uint64_t timer;
    uint64_t state[128];  // enum vcpu_look
    uint64_t raised[128]; // as what, last
    uint64_t raises;
};

// At one address, in memory that a process of its own shares.
struct board {
    _Alignas(4096) uint8_t state[8192];
    struct ring out, in;
    bool is_v2; // the interrupt controller
    // Nobody dies in the middle of what the core does: one word says which of the two counts.
    uint64_t now;
    struct board_core core[2][VCPUS];
};
extern struct board *board;

int npf_pager_main(void);

// A new one; cmocka's set-up function.
int board_begin(void **unused);
int board_begin_v2(void **unused);

// What rt_config holds for a server that is to go on with it. The records that were sent are
// forgotten.
void board_config(void);

struct board_core *board_core(unsigned vcpu);

// An exit of vCPU 0; each has the next sequence number. An access is by x10, which is fetched.
struct message board_exit(enum exit_class c);
struct message board_access(uint64_t address, enum access access);

void board_type(char byte);
void board_type_text(const char *text);

// RECORD's answer, by a server that has just started.
struct reply board_serve(const struct message *record);

// RECORD's exit, cut short behind every change to what outlives the server, and then served by the
// next one: the answer, the rings, the state and what the core has are as if nobody had died.
struct reply board_die_everywhere(const struct message *record);
extern const char *board_arrives; // what is typed when that server is about to serve
