#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/recovery/guest/x86_64/recovery.h"

// Where the manifest shows the flash, and how much of it.
#define FLASH_BASE UINT64_C(0xffc00000)
#define FLASH_SIZE 0x3c0000u
#define PAGE 4096u

#define MSR_PAT 0x277
#define MSR_NOBODYS 0xdeadbeef
#define PAT_START UINT64_C(0x0007040600070406)
#define PORT_CLOCK 0x70
#define PORT_WAIT 0x80
#define PORT_PCI 0xcf8

static bool falls; // into a triple fault, in the second round

void round_begin(const struct machine *machine) {
    char text[2];
    falls = machine_bootarg(machine, "dead-end", text, sizeof(text));
    entry_counter = 0; // when it began is a time, too
    interrupts_begin();
}

static void registers_round(uint64_t round) {
    for (uint32_t leaf = 0; leaf < 3; leaf++)
        mix(x86_cpuid(leaf).a);
    const uint64_t type = round & 1 ? 4 : 6; // write-through, write-back
    x86_write_msr(MSR_PAT, (PAT_START & ~UINT64_C(0xff)) | type);
    mix(x86_read_msr(MSR_PAT));
    mix(x86_read_msr(MSR_EFER));
    mix(x86_read_msr(MSR_TSC_DEADLINE)); // none is set
    // What is nobody's, and what a CPU without virtualization does not have: both must trap.
    mix(TRAPS(2, "rdmsr", 0, MSR_NOBODYS, 0));
    mix(TRAPS(2, "wrmsr", round, MSR_NOBODYS, 0));
    mix(TRAPS(3, "vmrun", 0x300000, 0, 0));
}

static void ports_round(void) {
    x86_out8(PORT_CLOCK, 0);
    mix(x86_in8(PORT_CLOCK + 1));
    x86_out8(PORT_WAIT, 0);
    mix(x86_in32(PORT_PCI + 4));
}

// With no table of traps the first one is one too many (APM volume 2, 15.14.3).
static void fall(void) {
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0\n"
                     "ud2" ::"m"(none));
}

void devices_round(uint64_t round) {
    if (falls && round == 1)
        fall();
    registers_round(round);
    ports_round();
    // Each round another page that no round has read, until there is none.
    mix(*(volatile uint32_t *)(FLASH_BASE + round * 17 * PAGE % FLASH_SIZE));
}
