// The SGIs of a GICv2, each of which comes from a vCPU: one that two have sent is pending twice,
// and the guest acknowledges and ends it with its sender's number (Arm IHI 0048, chapter 3.2). Of
// all other interrupts nothing is done here, and 0 is their sender.
//
// A list register has room for one sender, and the manual wants no two of one INTID. So the latch
// of a place says that any sender is left, and the next one is given when the guest has ended the
// one before: as a level-sensitive interrupt is, whose line is up still.
#pragma once

#include "libs/vgic/place.h"

// SENDERS, a bit for each, have sent it, or take that back.
void sgi_send(struct vgic *vgic, unsigned place, uint32_t senders);
void sgi_withdraw(struct vgic *vgic, unsigned place, uint32_t senders);

// Those that it is pending from.
uint32_t sgi_pending(const struct vgic *vgic, unsigned place);

// Of a place that is latched: whose is given next.
unsigned sgi_sender(const struct vgic *vgic, unsigned place);

// A place's latch was moved to a list register, and back.
void sgi_give(struct vgic *vgic, unsigned place);
void sgi_take_back(struct vgic *vgic, unsigned place);
