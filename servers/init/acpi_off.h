// How a PC is turned off, by what its tables say (ACPI 6.5, 4.8.2.1, 4.8.3.2.1, 7.4.2).
#pragma once

#include <stdbool.h>

#include "servers/init/acpi.h"

// The machine's ports, and its time.
struct acpi_ports {
    bool (*open)(uint16_t port, unsigned size); // before any access; false: it can't be reached
    uint16_t (*load16)(uint16_t port);
    void (*store16)(uint16_t port, uint16_t value);
    void (*store8)(uint16_t port, uint8_t value);
    uint64_t (*now)(void);
    uint64_t second; // in units of `now`
};

// Comes back when the machine is still on after all, at the latest after three seconds.
void acpi_off(const struct acpi *acpi, const struct acpi_ports *ports);
