// What a guest does with single interrupts' registers, in a world of four vCPUs that are awake.
#pragma once

#include "tests/unit/vgic/world.h"

// That it has enabled.
#define ACCESS_SPI 40u

// Registers of a bit for each interrupt (GICv3 specification, 12.9), by their offsets in a frame.
#define ACCESS_ISENABLER 0x100u
#define ACCESS_ICENABLER 0x180u
#define ACCESS_ISPENDR 0x200u
#define ACCESS_ICPENDR 0x280u
#define ACCESS_ISACTIVER 0x300u
#define ACCESS_ICACTIVER 0x380u

// A setup of cmocka's.
int access_begin(void **state);

// An interrupt's bit in a word of such registers.
uint32_t access_bit(unsigned intid);

// Its bit is written, in the distributor's register; in that of the vCPU's own. Is it set?
void access_spi(unsigned reg, unsigned intid);
void access_own(unsigned vcpu, unsigned reg, unsigned intid);
bool access_spi_is(unsigned reg, unsigned intid);

void access_route(unsigned intid, uint64_t value);
void access_edges(unsigned intid);
void access_priority(unsigned intid, unsigned value);

// The last of what the core was told.
void access_expect_last(enum vgic_effect effect, unsigned intid, unsigned vcpus);
