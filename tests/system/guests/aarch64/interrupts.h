// What the parts of the guest `interrupts` share: the registers of a GICv3 (Arm IHI 0069, chapter
// 12) and its CPU interface, used by asking, with interrupts masked.
#pragma once

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

#define ISENABLER 0x100u
#define ICENABLER 0x180u
#define ISPENDR 0x200u
#define ICPENDR 0x280u
#define ISACTIVER 0x300u
#define ICACTIVER 0x380u

#define PRIVATE 32
#define TIMER 27
#define SPURIOUS 1023
#define PRIORITY 0xa0 // that all have but where a case says another

#define FIRST 80 // SPIs that no device of this machine has: as many as CASES
#define CASES 12

// CPU 0 has found its frames. Brings the distributor and this CPU into the state in which the cases
// begin: all in Group 1, by edges, of one priority, disabled.
void gic_begin(const struct machine *machine);
void gic_begin_cpu(unsigned cpu);
void gic_begin_interface(void); // what alone a reset of the CPU changes

// For private interrupts: this CPU's.
void gic_bit(unsigned reg, unsigned intid);
bool gic_is(unsigned reg, unsigned intid);
void gic_priority(unsigned intid, unsigned priority);
void gic_route(unsigned intid, uint64_t cpu);
void gic_level(unsigned intid);
void gic_forward(bool on); // GICD_CTLR

// Acknowledges: SPURIOUS if there is nothing. Ends.
unsigned gic_take(void);
void gic_end(unsigned intid);

// Waits for an interrupt, and acknowledges it; SPURIOUS if none comes in two seconds. (The virtual
// timer is what tells, so it must not be in use.)
unsigned gic_wait(void);

void timer_set(uint64_t ticks);
void timer_stop(void);

unsigned this_cpu(void);

// The cases.
void try_edges(void);
void try_priorities(void);
void try_switches(void);
void try_active(void);
void try_uart(const struct machine *machine);
void try_timer(void);
void try_cpus(const struct machine *machine);
void try_typing(const struct machine *machine);
