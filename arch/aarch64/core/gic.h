// The physical interrupt controller, a GICv3 (IHI 0069) or a GICv2 (IHI 0048), as far as the core
// needs it: its own timer, guests' virtual timer, the maintenance of list registers, and the lines
// of devices. Interrupts are ended in two steps (EOImode 1): taking one drops its priority; until
// it is deactivated it is quiet.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Private interrupts of each CPU, by INTID, as every machine with an Arm CPU has them (BSA 1.0).
#define GIC_MAINTENANCE 25u
#define GIC_HOST_TIMER 26u
#define GIC_GUEST_TIMER 27u
#define GIC_SGIS 16u   // interrupts below are sent by software
#define GIC_SHARED 32u // the first of devices' lines

// Takes the interrupt that is pending: its INTID, or a special number from 1020 on: none.
uint32_t gic_take(void);

// It may come again.
void gic_deactivate(uint32_t intid);

// Whether this CPU's guest timer counts as active: quiet, because a guest has not ended it yet.
void gic_guest_timer_active(bool active);
