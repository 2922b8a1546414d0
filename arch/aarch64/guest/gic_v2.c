// Registers as in the Arm GIC Architecture Specification (IHI 0048B), chapter 4. Interrupts are in
// Group 0, as after a reset.
#include <stdint.h>

#include "arch/aarch64/guest/gic_driver.h"

#define GICD_CTLR 0x000
#define GICD_IGROUPR0 0x080
#define GICD_ISENABLER0 0x100
#define GICD_IPRIORITYR 0x400
#define CTLR_ENABLE 1u // of the distributor, and of the CPU interface

#define GICC_CTLR 0x00
#define GICC_PMR 0x04
#define GICC_IAR 0x0c
#define GICC_EOIR 0x10
#define INTID_MASK 0x3ffu

#define PRIORITY 0x80 // above the mask, which lets all pass
#define MASK_NONE 0xff

static volatile void *cpu_interface; // this CPU's

static volatile uint32_t *reg(volatile void *base, unsigned long offset) {
    return (volatile uint32_t *)((volatile uint8_t *)base + offset);
}

static bool init(volatile void *distributor, volatile void *cpus, unsigned long size,
                 unsigned interrupt) {
    if (size <= GICC_EOIR)
        return false;
    cpu_interface = cpus;
    *reg(distributor, GICD_CTLR) = CTLR_ENABLE;
    *reg(distributor, GICD_IGROUPR0) &= ~(1u << interrupt);
    *((volatile uint8_t *)distributor + GICD_IPRIORITYR + interrupt) = PRIORITY;
    *reg(distributor, GICD_ISENABLER0) = 1u << interrupt;
    *reg(cpu_interface, GICC_PMR) = MASK_NONE;
    *reg(cpu_interface, GICC_CTLR) = CTLR_ENABLE;
    return true;
}

static unsigned claim(void) { return *reg(cpu_interface, GICC_IAR) & INTID_MASK; }

static void end(unsigned interrupt) {
    __asm__ volatile("dsb sy" ::: "memory"); // what its device was told comes first
    *reg(cpu_interface, GICC_EOIR) = interrupt;
    __asm__ volatile("dsb sy\n isb" ::: "memory");
}

const struct gic_driver gic_v2 = {{"arm,gic-400", "arm,cortex-a15-gic"}, init, claim, end};
