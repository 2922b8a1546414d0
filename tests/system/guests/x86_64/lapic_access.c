#include "tests/system/guests/x86_64/lapic_access.h"

#include <stddef.h>

#include "arch/x86_64/guest/x86.h"

volatile uint8_t *lapic_page;

// Plain moves: a compiler may make other instructions of volatile accesses.
void lapic_put(unsigned offset, uint32_t value) {
    if (lapic_page == NULL)
        x86_write_msr(MSR_X2APIC + offset / 16, value);
    else
        asm volatile("movl %1, %0"
                     : "=m"(*(volatile uint32_t *)(lapic_page + offset))
                     : "r"(value));
}

uint32_t lapic_get(unsigned offset) {
    if (lapic_page == NULL)
        return (uint32_t)x86_read_msr(MSR_X2APIC + offset / 16);
    uint32_t value;
    asm volatile("movl %1, %0" : "=r"(value) : "m"(*(volatile uint32_t *)(lapic_page + offset)));
    return value;
}
