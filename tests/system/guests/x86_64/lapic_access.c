#include "tests/system/guests/x86_64/lapic_access.h"

#include <stddef.h>

#include "arch/x86_64/guest/x86.h"

volatile uint8_t *lapic_page;

void lapic_put(unsigned offset, uint32_t value) {
    if (lapic_page == NULL)
        x86_write_msr(MSR_X2APIC + offset / 16, value);
    else
        *(volatile uint32_t *)(lapic_page + offset) = value;
}

uint32_t lapic_get(unsigned offset) {
    if (lapic_page == NULL)
        return (uint32_t)x86_read_msr(MSR_X2APIC + offset / 16);
    return *(volatile uint32_t *)(lapic_page + offset);
}
