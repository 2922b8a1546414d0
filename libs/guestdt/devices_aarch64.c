// A GICv3 or v2 and Arm's PrimeCell devices, as Linux's bindings describe them
// (Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml and arm,gic.yaml,
// arm/primecell.yaml, serial/pl011.yaml and rtc/arm,pl031.yaml, 6.12).
#include <libfdt.h>
#include <string.h>

#include "libs/guestdt/devices.h"

enum { PHANDLE_CONTROLLER = 1, PHANDLE_CLOCK = 2 };

// The three cells of an interrupt.
#define GIC_SPI 0u
#define GIC_LEVEL_HIGH 4u

#define CLOCK_HZ 24000000u // what QEMU's `virt` says of its own; nothing is divided by it

static bool is(const struct manifest_device *device, const char *compatible) {
    return strcmp(device->compatible, compatible) == 0;
}

static const struct manifest_device *find(const struct manifest_vm *vm, const char *compatible) {
    for (uint32_t i = 0; i < vm->device_count; i++) {
        if (is(&vm->device[i], compatible))
            return &vm->device[i];
    }
    return NULL;
}

static bool is_primecell(const struct manifest_device *device) {
    return is(device, "arm,pl011") || is(device, "arm,pl031");
}

void devices_write_root(struct writer *writer, const struct manifest_vm *vm) {
    if (devices_interrupt(vm))
        writer_u32(writer, "interrupt-parent", PHANDLE_CONTROLLER);
}

// The drivers of PrimeCell devices ask for their clocks, or do not begin.
void devices_write_common(struct writer *writer, const struct manifest_vm *vm) {
    bool needed = false;
    for (uint32_t i = 0; i < vm->device_count; i++)
        needed = needed || is_primecell(&vm->device[i]);
    if (!needed)
        return;
    writer_begin(writer, "apb-pclk");
    writer_text(writer, "compatible", "fixed-clock");
    writer_u32(writer, "#clock-cells", 0);
    writer_u32(writer, "clock-frequency", CLOCK_HZ);
    writer_text(writer, "clock-output-names", "clk24mhz");
    writer_u32(writer, "phandle", PHANDLE_CLOCK);
    writer_end(writer);
}

static void write_primecell(struct writer *writer, const struct manifest_device *device) {
    static const char uart[] = "arm,pl011\0arm,primecell", rtc[] = "arm,pl031\0arm,primecell";
    static const char uart_clocks[] = "uartclk\0apb_pclk", rtc_clock[] = "apb_pclk";
    const fdt32_t clocks[2] = {cpu_to_fdt32(PHANDLE_CLOCK), cpu_to_fdt32(PHANDLE_CLOCK)};
    if (is(device, "arm,pl011")) {
        writer_bytes(writer, "compatible", uart, sizeof(uart));
        writer_bytes(writer, "clocks", clocks, sizeof(clocks));
        writer_bytes(writer, "clock-names", uart_clocks, sizeof(uart_clocks));
    } else {
        writer_bytes(writer, "compatible", rtc, sizeof(rtc));
        writer_bytes(writer, "clocks", clocks, sizeof(clocks[0]));
        writer_bytes(writer, "clock-names", rtc_clock, sizeof(rtc_clock));
    }
}

void devices_write(struct writer *writer, const struct manifest_device *device) {
    writer_begin_at_two(writer, device->name, device->guest, device->cpu_part);
    if (is_primecell(device))
        write_primecell(writer, device);
    else
        writer_text(writer, "compatible", device->compatible);
    if (devices_is_controller(device)) {
        writer_flag(writer, "interrupt-controller");
        writer_u32(writer, "#interrupt-cells", 3);
        writer_u32(writer, "phandle", PHANDLE_CONTROLLER);
    }
    if (device->line != 0) {
        const fdt32_t cells[3] = {cpu_to_fdt32(GIC_SPI), cpu_to_fdt32(device->line),
                                  cpu_to_fdt32(GIC_LEVEL_HIGH)};
        writer_bytes(writer, "interrupts", cells, sizeof(cells));
    }
    writer_end(writer);
}

const struct manifest_device *devices_console(const struct manifest_vm *vm) {
    return find(vm, "arm,pl011");
}
