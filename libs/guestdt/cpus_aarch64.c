// The CPUs of an aarch64 guest, its firmware's calls and its timer, as Linux's bindings describe
// them (Documentation/devicetree/bindings/arm/cpus.yaml, psci.yaml and
// timer/arm,arch_timer.yaml, 6.12).
#include <libfdt.h>

#include "libs/guestdt/cpus.h"
#include "libs/guestdt/devices.h"
#include "libs/text/text.h"

const char *const cpus_root_compatible = "exeunt,vm-aarch64";

// Private interrupts (PPIs) of the generic timer, as every Arm machine has them; a guest gets the
// virtual one, which is the third.
#define GIC_PPI 1u
#define GIC_LEVEL_HIGH 4u

static void write_cpu(struct writer *writer, uint32_t number) {
    char name[16];
    text_format(name, sizeof(name), "cpu@%x", number);
    writer_begin(writer, name);
    writer_text(writer, "device_type", "cpu");
    writer_text(writer, "compatible", "arm,armv8");
    writer_u32(writer, "reg", number); // affinity 0
    writer_text(writer, "enable-method", "psci");
    writer_end(writer);
}

static void write_timer(struct writer *writer) {
    static const uint32_t ppis[] = {13, 14, 11, 10}; // secure, non-secure, virtual, hypervisor
    fdt32_t cells[4 * 3];
    for (size_t i = 0; i < 4; i++) {
        cells[i * 3] = cpu_to_fdt32(GIC_PPI);
        cells[i * 3 + 1] = cpu_to_fdt32(ppis[i]);
        cells[i * 3 + 2] = cpu_to_fdt32(GIC_LEVEL_HIGH);
    }
    writer_begin(writer, "timer");
    writer_text(writer, "compatible", "arm,armv8-timer");
    writer_flag(writer, "always-on");
    writer_bytes(writer, "interrupts", cells, sizeof(cells));
    writer_end(writer);
}

static void write_psci(struct writer *writer) {
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";
    writer_begin(writer, "psci");
    writer_bytes(writer, "compatible", compatible, sizeof(compatible));
    writer_text(writer, "method", "hvc");
    writer_end(writer);
}

enum status cpus_write(struct writer *writer, const struct manifest_vm *vm,
                       const struct guestdt_params *params) {
    (void)params; // the CPU says how fast the counter runs
    if (vm->isa[0] != '\0')
        return STATUS_INVALID;
    writer_begin(writer, "cpus");
    writer_cells(writer, 1, 0);
    for (uint32_t i = 0; i < vm->vcpus; i++)
        write_cpu(writer, i);
    writer_end(writer);
    if (devices_interrupt(vm)) // else nothing could
        write_timer(writer);
    write_psci(writer);
    return STATUS_OK;
}
