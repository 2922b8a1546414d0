#include "servers/init/acpi_off.h"

// PM1_CNT. What is said here the machine does when it likes.
#define SCI_ENABLE (1u << 0)
#define SLEEP_TYPE_SHIFT 10
#define SLEEP_ENABLE (1u << 13)
#define SLEEP_BITS (7u << SLEEP_TYPE_SHIFT | SLEEP_ENABLE)
#define ENABLE_SECONDS 1
#define SLEEP_SECONDS 2

// Makes the firmware leave the registers to us, if it has not yet.
static void enable(const struct acpi *acpi, const struct acpi_ports *ports) {
    const uint16_t control = acpi->control[0].port;
    if (!acpi->enable_port || (ports->load16(control) & SCI_ENABLE) ||
        !ports->open(acpi->enable_port, 1)) {
        return;
    }
    ports->store8(acpi->enable_port, acpi->enable);
    const uint64_t begin = ports->now();
    while (!(ports->load16(control) & SCI_ENABLE) &&
           ports->now() - begin < ENABLE_SECONDS * ports->second) {
    }
}

void acpi_off(const struct acpi *acpi, const struct acpi_ports *ports) {
    if (!acpi->control[0].port || !ports->open(acpi->control[0].port, 2)) {
        return;
    }
    enable(acpi, ports);
    for (unsigned i = 0; i < 2; i++) {
        const struct acpi_control *control = &acpi->control[i];
        if (control->port && ports->open(control->port, 2)) {
            const uint16_t kept = ports->load16(control->port) & (uint16_t)~SLEEP_BITS;
            const unsigned type = (unsigned)control->sleep_type << SLEEP_TYPE_SHIFT;
            ports->store16(control->port, (uint16_t)(kept | SLEEP_ENABLE | type));
        }
    }
    // Who ends before it has happened has the core reset the machine instead.
    const uint64_t begin = ports->now();
    while (ports->now() - begin < SLEEP_SECONDS * ports->second) {
    }
}
