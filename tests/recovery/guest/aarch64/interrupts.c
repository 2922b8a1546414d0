// Registers as in the Arm GIC Architecture Specification (IHI 0069H), chapter 12.
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/recovery/guest/aarch64/recovery.h"
#include "tests/system/guests/check.h"

// A shared interrupt that no device of the manifest has.
#define NOBODYS 40
// The place of an interrupt in registers of a bit each.
#define WORD_OF(registers, interrupt) ((registers) + (interrupt) / 32ul * 4)
#define BIT_OF(interrupt) (1u << (interrupt) % 32)
#define WORD(registers) WORD_OF(registers, NOBODYS)
#define BIT BIT_OF(NOBODYS)
#define GICD_IGROUPR 0x0080
#define GICD_ISENABLER 0x0100
#define GICD_ICENABLER 0x0180
#define GICD_ISPENDR 0x0200
#define GICD_ICPENDR 0x0280
#define GICD_ISACTIVER 0x0300
#define GICD_ICACTIVER 0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR 0x0c00
#define GICD_IROUTER 0x6000
#define EDGE 2u

// The first CPU's redistributor is the first. Its second frame has the private interrupts.
#define GICR_SGI_FRAME 0x10000

#define ISR_IRQ (1u << 7)
#define TIMER 27

static uint64_t distributor;

void interrupts_begin(const struct machine *machine) {
    struct gic gic = {0};
    check(gic_find(machine, &gic), "a GIC");
    distributor = gic.distributor.base;
    check(gic_init((volatile void *)distributor, (volatile void *)gic.cpus.base, gic.cpus.size,
                   TIMER),
          "a redistributor of this CPU");
    const uint64_t private = gic.cpus.base + GICR_SGI_FRAME;
    store(private + GICD_IGROUPR, UINT32_MAX);
    store(private + GICD_ISENABLER, 0xffff);
    store(distributor + WORD(GICD_IGROUPR), UINT32_MAX);
    store(distributor + GICD_ICFGR + NOBODYS / 16ul * 4, EDGE << NOBODYS % 16 * 2);
    store_byte(distributor + GICD_IPRIORITYR + NOBODYS, 0x40);
    store_byte(distributor + GICD_IPRIORITYR + UART_INTERRUPT, 0x60);
    store_wide(distributor + GICD_IROUTER + NOBODYS * 8ul, 0); // the first CPU
}

void interrupt_enable(unsigned interrupt, bool on) {
    const uint64_t registers = distributor + (on ? GICD_ISENABLER : GICD_ICENABLER);
    store(WORD_OF(registers, interrupt), BIT_OF(interrupt));
}

static void pend(void) { store(distributor + WORD(GICD_ISPENDR), BIT); }

static void take_back(void) {
    pend();
    mix(load(distributor + WORD(GICD_ISPENDR)));
    store(distributor + WORD(GICD_ICPENDR), BIT);
    mix(load(distributor + WORD(GICD_ISPENDR)));
    mix(sysreg_read(isr_el1) & ISR_IRQ);
}

static void deactivate(void) {
    pend();
    await_interrupt();
    const unsigned interrupt = gic_claim();
    mix(load(distributor + WORD(GICD_ISACTIVER)));
    store(distributor + WORD(GICD_ICACTIVER), BIT);
    mix(load(distributor + WORD(GICD_ISACTIVER)));
    gic_end(interrupt); // its priority is no longer the running one
}

void interrupts_round(void) {
    interrupt_enable(NOBODYS, true);
    pend();
    wait_interrupt(true);
    take_back();
    deactivate();
    interrupt_enable(NOBODYS, false);
    pend();
    mix(sysreg_read(isr_el1) & ISR_IRQ);
    interrupt_enable(NOBODYS, true);
    wait_interrupt(false);
    interrupt_enable(NOBODYS, false);
}
