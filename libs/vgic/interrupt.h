// What happens to one interrupt (Arm IHI 0069, chapter 4.1: its states).
#pragma once

#include "libs/vgic/place.h"

#define INTERRUPT_NOBODY VGIC_VCPUS

// What the list registers hold of it: VGIC_PENDING, VGIC_ACTIVE.
unsigned interrupt_look(const struct vgic *vgic, unsigned place);

// The vCPU that an SPI is to be given to now; INTERRUPT_NOBODY.
unsigned interrupt_target(const struct vgic *vgic, unsigned place);

void interrupt_set_pending(struct vgic *vgic, unsigned place);   // ISPENDR, an edge, an SGI
void interrupt_clear_pending(struct vgic *vgic, unsigned place); // ICPENDR
void interrupt_set_active(struct vgic *vgic, unsigned place);    // ISACTIVER
void interrupt_clear_active(struct vgic *vgic, unsigned place);  // ICACTIVER

// No list register holds it any more.
void interrupt_forget(struct vgic *vgic, unsigned place);
