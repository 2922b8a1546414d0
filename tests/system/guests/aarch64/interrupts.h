// What the parts of the guest `interrupts` share: the registers of a GICv3 (Arm IHI 0069, chapter
// 12) or v2 (IHI 0048, chapter 4) and its CPU interface, used by asking, with interrupts masked.
#pragma once

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

#define IGROUPR 0x80u
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

// Of a GICv2's SGI, the CPU that has sent it, which its end is told, too.
#define NOBODY 8

// CPU 0 has found its frames. Brings the distributor and this CPU into the state in which the cases
// begin: all in Group 1, by edges, of one priority, disabled.
void gic_begin(const struct machine *machine);
bool gic_is_v2(void);
void gic_begin_cpu(unsigned cpu);
void gic_begin_interface(void); // what alone a reset of the CPU changes

// For private interrupts: this CPU's.
void gic_bit(unsigned reg, unsigned intid);
bool gic_is(unsigned reg, unsigned intid);
void gic_priority(unsigned intid, unsigned priority);
void gic_route(unsigned intid, uint64_t cpu);
void gic_level(unsigned intid);
void gic_forward(bool on); // GICD_CTLR

// Acknowledges: SPURIOUS if there is nothing. Ends: an SGI that this CPU has taken last of those of
// that INTID.
unsigned gic_take(void);
void gic_end(unsigned intid);

// Of a GICv2: the sender of what this CPU has acknowledged last; NOBODY if that has none.
unsigned gic_sender(void);

// The priority of what runs; those that are lower than MASK do not come; the end is in two steps;
// the second step.
unsigned gic_running(void);
void gic_mask(unsigned mask);
void gic_split_ends(bool on);
void gic_deactivate(unsigned intid);

// Sends an SGI to the CPUs of a mask, or to all but this one.
#define TO_ALL_OTHERS (1u << 31)
void gic_send(unsigned sgi, uint32_t targets);

// GICD_SPENDSGIR: those that an SGI of this CPU's is pending from. And sets or clears some.
unsigned gic_senders(unsigned sgi);
void gic_change_senders(unsigned sgi, unsigned senders, bool on);

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
void try_groups(void); // these two of a GICv2
void try_senders(const struct machine *machine);
void try_typing(const struct machine *machine);
