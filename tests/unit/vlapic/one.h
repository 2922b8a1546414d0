// One local APIC in x2APIC mode, and the core behind it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libs/vlapic/vlapic.h"

// The modes, as they stand in the base register (APM volume 2, 16.9).
#define ONE_ENABLED 0x800u
#define ONE_WIDE 0xc00u

// Registers, by their numbers among the MSRs (16.11.1).
#define ONE_MSR(number) (VLAPIC_MSR_FIRST + (number))
#define ONE_ID 0x02
#define ONE_VERSION 0x03
#define ONE_TPR 0x08
#define ONE_PPR 0x0a
#define ONE_EOI 0x0b
#define ONE_LDR 0x0d
#define ONE_SVR 0x0f
#define ONE_ISR 0x10
#define ONE_IRR 0x20
#define ONE_ESR 0x28
#define ONE_ICR 0x30
#define ONE_LVT_TIMER 0x32
#define ONE_LVT_LINT0 0x35
#define ONE_LVT_ERROR 0x37
#define ONE_INITIAL 0x38
#define ONE_CURRENT 0x39
#define ONE_DCR 0x3e
#define ONE_SELF 0x3f

struct one {
    struct vlapic lapic;
    struct vlapic_ipi ipi; // that the last write of a register has sent
    uint64_t now;
    uint64_t core[4]; // what the core has pending
    uint64_t cr8;     // what the guest reads
    uint64_t number;  // of the last output
};
extern struct one one;

// A setup of cmocka's: it is on, and has nothing pending.
int one_begin(void **unused);

// By MSR, which must succeed; and what must be refused, and change nothing.
void one_put(unsigned which, uint64_t value);
uint64_t one_get(unsigned which);
void one_refuse(uint32_t msr, uint64_t value);

void one_raise(unsigned vector);

// What is due is given to the core.
void one_settle(void);

// Is that pending in the core? Is anything?
bool one_has(unsigned vector);
bool one_has_any(void);

// The guest takes what is pending. 0: nothing is.
unsigned one_take(void);
