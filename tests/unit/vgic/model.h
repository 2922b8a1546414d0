// A GICv3 or v2 as the specification tells it (Arm IHI 0069, chapter 4; IHI 0048, chapter 3): one
// state machine for each interrupt, with distributor, redistributors and CPU interfaces in one
// piece and no list registers. As naive as can be: it is what the machine is compared with.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libs/vgic/vgic.h"

struct model_interrupt {
    bool group, enable, edge, line, latch, active;
    unsigned holder; // who has acknowledged it; MODEL_NOBODY: software made it active
    unsigned priority;
    uint32_t route;   // of an SPI; v2: its target list
    uint32_t senders; // of a v2's SGI, in place of the latch: those that it is pending from
};

#define MODEL_NOBODY VGIC_VCPUS

struct model {
    enum vgic_version version;
    unsigned vcpus;
    bool enabled[2]; // by group
    bool asleep[VGIC_VCPUS];
    struct model_interrupt own[VGIC_VCPUS][VGIC_PRIVATE];
    struct model_interrupt shared[VGIC_SPIS];
};

void model_begin(struct model *model, enum vgic_version version, unsigned vcpus);

struct model_interrupt *model_find(struct model *model, unsigned vcpu, unsigned intid);

bool model_is_pending(const struct model_interrupt *interrupt);

// The vCPUs that may acknowledge INTID now; of an interrupt of VCPU's own, that one or none.
uint32_t model_targets(struct model *model, unsigned vcpu, unsigned intid);

void model_line(struct model *model, unsigned vcpu, unsigned intid, bool level);
// SENDER: of a v2's SGI.
void model_acknowledge(struct model *model, unsigned vcpu, unsigned intid, unsigned sender);
void model_end(struct model *model, unsigned vcpu, unsigned intid);
