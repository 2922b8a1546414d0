#include "arch/aarch64/guest/entry.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/recovery/guest/aarch64/recovery.h"
#include "tests/system/guests/check.h"

// Where the manifest shows the flash, and how much of it.
#define FLASH_BASE 0x4000000u
#define FLASH_SIZE 0x4000000u
#define PAGE 4096u

// Registers of the clock (Arm PL031, DDI 0224, chapter 3).
#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define NEVER 0xfffffff0u // a time in 2106

static uint64_t rtc;

void round_begin(const struct machine *machine) {
    struct machine_range range = {0, 0};
    entry_counter = 0; // when it began is a time, too
    check(machine_device(machine, "arm,pl031", 0, &range), "an arm,pl031");
    rtc = range.base;
    console_begin(machine);
    interrupts_begin(machine);
}

static void rtc_round(uint64_t round) {
    // The time itself is read and forgotten, by an instruction that keeps it and one that does not.
    __asm__ volatile("ldr w1, [%0]\n"
                     "ldr wzr, [%0]\n"
                     "mov w1, #0\n" ::"r"(rtc + RTC_DR)
                     : "x1", "memory");
    store(rtc + RTC_MR, NEVER + ((uint32_t)round & 7));
    store(rtc + RTC_IMSC, round & 1);
    mix(load(rtc + RTC_MR));
    mix(load(rtc + RTC_IMSC));
    mix(load(rtc + RTC_RIS));
    store(rtc + RTC_IMSC, 0);
}

void devices_round(uint64_t round) {
    rtc_round(round);
    interrupts_round();
    // Each round another page that no round has read, until there is none.
    mix(load(FLASH_BASE + round * 17 * PAGE % FLASH_SIZE));
    // The performance counters' control, which the guest was not given: both ways must trap.
    __asm__ volatile("mrs x1, pmcr_el0\n"
                     "mov x1, #0\n"
                     "msr pmcr_el0, x1\n" ::
                         : "x1", "memory");
}
