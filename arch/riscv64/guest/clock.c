#include "arch/riscv64/guest/clock.h"

#include <stddef.h>

#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/clock.h"
#include "guest/lib/string.h"

#define NANOSECONDS UINT64_C(1000000000)
#define NEVER UINT64_MAX

// The goldfish RTC's registers, of 32 bits each: reading the low half holds the high one for the
// next load of that.
#define RTC_TIME_LOW 0
#define RTC_TIME_HIGH 1

static uint64_t frequency;
static bool has_sstc;
static const volatile uint32_t *rtc_registers;

// "rv64imac…_sstc_…": multi-letter extensions are separated by underscores.
static bool isa_has(const char *isa, const char *extension) {
    const size_t length = strlen(extension);
    for (; *isa != '\0'; isa++) {
        if (isa[0] == '_' && strncmp(isa + 1, extension, length) == 0 &&
            (isa[1 + length] == '_' || isa[1 + length] == '\0'))
            return true;
    }
    return false;
}

// With Sstc the deadline is the guest's own register; without it the SBI keeps it.
static void set_ticks(uint64_t ticks) {
    if (has_sstc)
        __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(ticks));
    else
        SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, ticks);
}

bool clock_init(const struct machine *machine, const volatile void *rtc) {
    rtc_registers = rtc;
    frequency = machine->timebase;
    if (frequency == 0)
        return false;
    const char *isa = machine_device_text(machine, "riscv", "riscv,isa");
    has_sstc = isa != NULL && isa_has(isa, "sstc");
    clock_stop();
    csr_set(sie, SIE_STIE);
    // Programs may read the time as Linux lets them, and no other counter, whatever the firmware
    // has left here.
    csr_write(scounteren, SCOUNTEREN_TM);
    return true;
}

uint64_t clock_nanoseconds(void) {
    const uint64_t ticks = csr_read(time);
    return ticks / frequency * NANOSECONDS + ticks % frequency * NANOSECONDS / frequency;
}

void clock_set_deadline(uint64_t nanoseconds) {
    // Rounded up: an interrupt before the deadline would be a wrong one.
    const uint64_t part = nanoseconds % NANOSECONDS * frequency;
    set_ticks(nanoseconds / NANOSECONDS * frequency + (part + NANOSECONDS - 1) / NANOSECONDS);
}

void clock_stop(void) { set_ticks(NEVER); }

uint64_t clock_time_of_day(void) {
    if (rtc_registers == NULL)
        return clock_nanoseconds();
    const uint64_t low = rtc_registers[RTC_TIME_LOW];
    return (uint64_t)rtc_registers[RTC_TIME_HIGH] << 32 | low;
}
