// A physical interrupt line. When it fires, its record goes to the portal it is bound to; the
// line is quiet until that record is answered.
#pragma once

#include "kernel/record.h"

struct cpu;

struct irq {
    struct record record;
    struct portal *route;
    struct cpu *cpu;
    uint32_t line;
};

void irq_init(struct irq *irq, struct cpu *cpu, uint32_t line);

// From now on PORTAL hears of it.
void irq_bind(struct irq *irq, struct portal *portal, uint64_t badge);

// The line fired: who is bound to it hears of that.
void irq_fire(struct irq *irq);
