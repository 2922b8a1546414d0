#include "arch/riscv64/guest/csr.h"
#include "guest/lib/machine.h"
#include "tests/recovery/guest/riscv64/recovery.h"
#include "tests/system/guests/check.h"

// Where the manifest shows the flash, and how much of it.
#define FLASH_BASE 0x22000000u
#define FLASH_SIZE 0x2000000u
#define PAGE 4096u

// Registers of the Goldfish clock.
#define RTC_ALARM_LOW 0x08
#define RTC_ALARM_HIGH 0x0c
#define RTC_IRQ_ENABLED 0x10
#define RTC_ALARM_STATUS 0x18

static uint64_t rtc;

static uint32_t load(uint64_t at) { return *(volatile uint32_t *)at; }

static void store(uint64_t at, uint32_t value) { *(volatile uint32_t *)at = value; }

static void rtc_round(uint64_t round) {
    // The time itself is read and forgotten, by an instruction that keeps it and one that does not.
    __asm__ volatile("lw t0, 0(%0)\n"
                     "lw t0, 4(%0)\n"
                     "li t0, 0\n"
                     "lw zero, 0(%0)\n" ::"r"(rtc)
                     : "t0", "memory");
    store(rtc + RTC_ALARM_HIGH, 0x7fff0000u + (uint32_t)round);
    store(rtc + RTC_ALARM_LOW, (uint32_t)round * 3);
    store(rtc + RTC_IRQ_ENABLED, round & 1);
    mix(load(rtc + RTC_ALARM_HIGH));
    mix(load(rtc + RTC_ALARM_LOW));
    mix(load(rtc + RTC_IRQ_ENABLED));
    mix(load(rtc + RTC_ALARM_STATUS));
}

void round_begin(const struct machine *machine) {
    struct machine_range range = {0, 0};
    check(machine_device(machine, "google,goldfish-rtc", 0, &range), "a google,goldfish-rtc");
    rtc = range.base;
}

void devices_round(uint64_t round) {
    if (rtc != 0)
        rtc_round(round);
    // Each round another page that no round has read, until there is none.
    mix(load(FLASH_BASE + round * 17 * PAGE % FLASH_SIZE));
    // A hypervisor's register and a counter that the guest was not given: both must trap.
    __asm__ volatile("csrr t0, 0x600\n"
                     "csrr t0, 0xc00\n"
                     "li t0, 0\n" ::
                         : "t0", "memory");
}
