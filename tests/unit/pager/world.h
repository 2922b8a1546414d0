// npf-pager's own main over the fake runtime. VM number 9 has RAM, windows and a clock; VM number 2
// has RAM of its own at the same addresses.
#pragma once

#include "servers/npf-pager/pager.h"
#include "tests/unit/fakert/fakert.h"
#include "tests/unit/fakert/step.h"

#define MIB 0x100000ull

#define WORLD_VM 9
#define WORLD_OTHER 2
#define WORLD_INIT 6  // slots
#define WORLD_VCPU 30 // of VM 9's two

// Of VM 9. 2 MiB pages: from 1 MiB below a 2 MiB boundary to 1 MiB above one.
#define BIG_BASE (0x80000000ull + MIB)
#define BIG_SIZE (6 * MIB)
#define BIG_SLOT 11
#define BIG_PHYSICAL (0x90000000ull + MIB)

// 4 KiB pages although larger ones would fit.
#define SMALL_BASE 0x90000000ull
#define SMALL_SIZE (4 * MIB)
#define SMALL_SLOT 12
#define SMALL_PHYSICAL 0xa0000000ull

// 2 MiB asked for, but host and guest addresses are apart by less than that.
#define ODD_BASE 0xa0000000ull
#define ODD_SIZE (4 * MIB)
#define ODD_SLOT 13
#define ODD_PHYSICAL 0xb0001000ull

// Passed through: readable only.
#define FLASH_BASE 0x22000000ull
#define FLASH_SIZE (32 * MIB)
#define FLASH_SLOT 14

#define RTC_BASE 0x101000ull
#define RTC_SIZE 0x1000ull

// Of the other VM.
#define OTHER_BASE SMALL_BASE
#define OTHER_SIZE MIB
#define OTHER_SLOT 21

extern uint8_t *world_state; // the state region, shared memory

// servers/npf-pager/main.c's main.
int npf_pager_main(void);

// A new world; cmocka's set-up function.
int world_begin(void **unused);

// What rt_config holds for a server that is to go on in this world.
void world_config(void);

// A stage-2 exit of vCPU 0 of VM 9; each has the next sequence number.
struct message world_fault(uint64_t address, uint64_t access);

// Serves RECORD twice by one server that has just started, the second time by what the first has
// left for the shortest way, and checks that both answers are the same and one that the core takes.
struct reply world_serve(const struct message *record);

// A load of, or store to, the clock's register OFFSET by INSTRUCTION.
struct reply world_access(uint64_t offset, uint64_t access, uint32_t instruction);
