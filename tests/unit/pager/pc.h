// x86_64's npf-pager, its own main over the fake runtime: VM number 9 has RAM, flash, a clock and
// the local interrupt controllers' page.
#pragma once

#include "servers/npf-pager/pager.h"
#include "tests/unit/fakert/fakert.h"

#define PC_VM 9
#define PC_INIT 6
#define PC_LAPIC 7
#define PC_VCPU 30
#define PC_RAM_SLOT 11
#define PC_FLASH_SLOT 12
#define PC_RAM_SIZE 0x2000000ull
#define PC_FLASH_BASE 0xffc00000ull
#define PC_FLASH_SIZE 0x3c0000ull
#define PC_RTC_BASE 0xd0000000ull
#define PC_XAPIC_BASE 0xfee00000ull
#define PC_STATE_SIZE 4096

#define PC_NOW 0x1122334455667788ull        // what the clock shows: it counts nanoseconds
#define PC_LOW (PC_NOW & 0xffffffff)        // its registers have 4 bytes; the low half stands at 0
#define PC_OTHER_BITS 0xfedcba9876543210ull // register N holds N more at the beginning
#define PC_AT 0x200400ull
#define PC_NEXT_PAGE 0x201000ull

// How code is read: present code segments (APM volume 2, 4.7.2), with the base below.
#define CODE_64 (0xa9bull << 32)
#define CODE_32 (0xc9bull << 32)
#define CODE_16 (0x9bull << 32)

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, CS_BASE = 22, DS_BASE, ES_BASE, FS_BASE };

struct pc {
    uint8_t *state;
    uint64_t last_seq;
    uint8_t code[32];     // what stands
    uint64_t code_at;     // there,
    uint64_t code_absent; // and from there on nothing can be read
    uint64_t wide_stored; // in pc_wide
};
extern struct pc pc;

// A device with registers of all sizes, which read 0x80818283848586f7.
extern const struct device_model pc_wide;

// servers/npf-pager/main.c's main.
int npf_pager_main(void);

// A setup of cmocka's: a new world. What a server's configuration holds in it.
int pc_begin(void **unused);
void pc_configure(void);

// What the guest executes, nops behind it.
void pc_instruct(const uint8_t *bytes, size_t size);
#define PC_INSTRUCT(...)                                                                           \
    pc_instruct((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

// A stage-2 exit of vCPU 0; each has the next sequence number.
struct message pc_fault(uint64_t address, uint64_t access, uint64_t mode);

// A new server over the state that there is gets it so many times; kill_at: it dies at that
// request.
enum fakert_end pc_run(const struct message *record, unsigned times, unsigned kill_at);

// Twice by one server: the second time the shortest way, if there is one for it.
struct reply pc_serve(const struct message *record);
struct reply pc_touch(uint64_t address, uint64_t access, uint64_t mode);

void pc_expect_load(struct reply reply, unsigned reg, uint64_t value, unsigned length);
