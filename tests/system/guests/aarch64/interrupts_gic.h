// What interrupts_gic.c needs of each version of the controller.
#pragma once

#include "tests/system/guests/aarch64/interrupts.h"

struct gic_version {
    const char *compatible[3]; // as device trees call it; NULL ends them
    uint32_t control;          // GICD_CTLR that forwards interrupts, and one that forwards none
    uint32_t control_off;
    uint32_t groups;                 // all in Group 1, or none
    bool banked;                     // the distributor has private interrupts
    void (*begin_cpu)(unsigned cpu); // of its own registers, what is not banked
    void (*begin_interface)(void);
    void (*route)(unsigned intid, uint64_t cpu);
    unsigned (*take)(void);
    void (*end)(unsigned intid);
    unsigned (*running)(void);
    void (*mask)(unsigned mask);
    void (*split_ends)(bool on);
    void (*deactivate)(unsigned intid);
    void (*send)(unsigned sgi, uint32_t targets);
};
extern const struct gic_version gic_version_v2, gic_version_v3;

// The registers of the distributor, and of the redistributors or the CPU interface.
extern volatile uint8_t *gic_distributor, *gic_cpus;

static inline volatile uint32_t *gic_word(volatile uint8_t *frame, uint64_t offset) {
    return (volatile uint32_t *)(frame + offset);
}

// What was written to a frame counts from here on, at the CPU interface too.
static inline void gic_settle(void) { __asm__ volatile("dsb sy\n isb" ::: "memory"); }

// A GICv3's frame of this CPU's private interrupts.
volatile uint8_t *gic_private_frame(void);
