// A virtual local APIC, of one vCPU (AMD64 Architecture Programmer's Manual, volume 2, chapter 16):
// as x2APIC by MSRs and as xAPIC by a page of registers, with its timer, one-shot, periodic and by
// deadline. All interrupts are edge-triggered; the local inputs (LINT0, LINT1) have nothing at
// them.
//
// It is a pure function over words, which a server keeps in its state region. Time is the time
// stamp counter's, which the guest has as the host has it, and which the timer counts, too.
//
// What is pending here and may be delivered is given to the core (vlapic_next), one vector at a
// time: that is `given`. The core delivers it when the guest takes interrupts, without anybody's
// noticing; so this side asks, before anything else, whether it still has it, and when it does not,
// the vector is in service (vlapic_accept). Should something more urgent come meanwhile, or the
// guest raise its priority, the one that was given is taken back.
//
// Each output has a number, one larger than the one before: the core does none twice, so that the
// last one can be repeated by whoever follows a server that died.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VLAPIC_NEVER UINT64_MAX

// MSRs.
#define VLAPIC_MSR_BASE 0x1bu
#define VLAPIC_MSR_DEADLINE 0x6e0u
#define VLAPIC_MSR_FIRST 0x800u
#define VLAPIC_MSR_LAST 0x8ffu
#define VLAPIC_MSR_INITIAL 0x838u // the timer's initial count

#define VLAPIC_PAGE 0xfee00000u    // where the registers are as memory; it can't be moved
#define VLAPIC_PAGE_INITIAL 0x380u // there, the timer's initial count

enum vlapic_lvt {
    VLAPIC_TIMER,
    VLAPIC_THERMAL,
    VLAPIC_PERFORMANCE,
    VLAPIC_LINT0,
    VLAPIC_LINT1,
    VLAPIC_ERROR,
    VLAPIC_LVTS
};

// Whole words, so that a state region can hold it.
struct vlapic {
    uint64_t id;
    uint64_t base;   // the MSR
    uint64_t number; // of the last output
    uint64_t last;   // that output: enum vlapic_effect, and from bit 8 on the vector
    uint64_t given;  // a vector that the core may have pending; 0: none
    uint64_t requested[4], in_service[4];
    uint64_t priority; // TPR
    uint64_t spurious; // SVR
    uint64_t error;    // ESR: what a read shows, and from bit 32 on what was noted since
    uint64_t command;  // ICR
    uint64_t logical, format;
    uint64_t starts; // what is due beside vectors: bits of words.h, and from bit 8 on STARTUP's
    uint64_t lvt[VLAPIC_LVTS];
    uint64_t divider; // DCR
    uint64_t initial; // count
    uint64_t expiry;  // of the timer, in whichever mode; VLAPIC_NEVER
};

// How an interrupt between CPUs is delivered (16.5); those in between are not.
enum vlapic_mode {
    VLAPIC_FIXED,
    VLAPIC_LOWEST,
    VLAPIC_NMI = 4,
    VLAPIC_INIT = 5,
    VLAPIC_STARTUP = 6,
};

// An interrupt for other CPUs, or for the one itself.
struct vlapic_ipi {
    bool is_due;
    uint8_t mode; // enum vlapic_mode
    uint8_t vector;
    uint8_t to; // the shorthand
    bool is_logical, is_wide;
    uint32_t destination;
};

// What the core is to do: about a vector; with the whole CPU, which stops at INIT and begins in
// real mode at the page that STARTUP's vector names; about an NMI; about CR8, which the guest reads
// without anybody's noticing, and which is then `vector`.
enum vlapic_effect {
    VLAPIC_DO_NOTHING,
    VLAPIC_DO_RAISE,
    VLAPIC_DO_TAKE_BACK,
    VLAPIC_DO_INIT,
    VLAPIC_DO_STARTUP,
    VLAPIC_DO_NMI,
    VLAPIC_DO_PRIORITY,
};

struct vlapic_output {
    enum vlapic_effect effect;
    uint8_t vector;
    uint64_t number;
};

// As after power-on, for CPU number ID; 0 is the one that starts, the others wait for a STARTUP.
void vlapic_reset(struct vlapic *lapic, uint32_t id);

// An MSR of those above. False: the guest gets a general protection fault, and nothing has
// happened. A write may make an IPI due, which is for the caller to bring to vlapic_receive of
// whom it is for.
bool vlapic_read_msr(const struct vlapic *lapic, uint32_t msr, uint64_t now, uint64_t *value);
bool vlapic_write_msr(struct vlapic *lapic, uint32_t msr, uint64_t value, uint64_t now,
                      struct vlapic_ipi *ipi);

// For who is in a hurry: when the timer is to expire behind a write of the deadline's MSR, if that
// changes `expiry` and nothing else, and nothing has expired. 0: it does more.
uint64_t vlapic_deadline_only(const struct vlapic *lapic, uint64_t value, uint64_t now);

// The same of a write of the initial count, which changes `initial`, too: of its MSR, and of its
// register in the page.
uint64_t vlapic_count_only(const struct vlapic *lapic, uint64_t value, uint64_t now);
uint64_t vlapic_page_count_only(const struct vlapic *lapic, uint64_t value, uint64_t now);

// The page's registers, of 32 bits at multiples of 16. What is not there reads as zero and ignores
// writes; while it is not in this mode all of it is not there.
uint32_t vlapic_read_page(const struct vlapic *lapic, uint32_t offset, uint64_t now);
void vlapic_write_page(struct vlapic *lapic, uint32_t offset, uint32_t value, uint64_t now,
                       struct vlapic_ipi *ipi);

// The task's priority is written as CR8 has it: its upper half (16.6.4). False: it is none, and
// nothing has happened.
bool vlapic_write_cr8(struct vlapic *lapic, uint64_t value);

// Whether IPI is for LAPIC, which IS_SENDER or not.
bool vlapic_ipi_is_for(const struct vlapic_ipi *ipi, const struct vlapic *lapic, bool is_sender);

// Of those that an IPI of the mode LOWEST is for, one is chosen: the one whose priority is lowest.
// One that is off, or waits for a STARTUP, would lose it, and is not to be chosen.
bool vlapic_is_enabled(const struct vlapic *lapic);
uint8_t vlapic_priority(const struct vlapic *lapic);

// IPI, which is for LAPIC, arrives.
void vlapic_receive(struct vlapic *lapic, const struct vlapic_ipi *ipi);

// An interrupt arrives. It is known whether the core still has what it was given.
void vlapic_raise(struct vlapic *lapic, uint8_t vector);

// Time has passed: the timer may interrupt. When it does next; VLAPIC_NEVER.
void vlapic_tick(struct vlapic *lapic, uint64_t now);
uint64_t vlapic_deadline(const struct vlapic *lapic);

// The core does not have `given` pending any more: the guest has taken it.
void vlapic_accept(struct vlapic *lapic);

// The next output that is due; false: none. The state says from then on that it was done.
bool vlapic_next(struct vlapic *lapic, struct vlapic_output *output);

// The last output that there was.
struct vlapic_output vlapic_last(const struct vlapic *lapic);
