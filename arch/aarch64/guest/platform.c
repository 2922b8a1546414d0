#include "guest/platform.h"

#include <stddef.h>

#include "arch/aarch64/guest/clock.h"
#include "arch/aarch64/guest/firmware.h"
#include "arch/aarch64/guest/gic.h"

const struct platform platform = {
    .arch = "aarch64",
    .name = "aarch64-qemu-virt",
    .pflash = {0x04000000},
    .pflash_size = 64 << 20,
    .elf_machine = 183,
};

// The redistributors of as many CPUs: a machine may describe room for hundreds.
#define REDISTRIBUTORS_SIZE_MAX (UINT64_C(2) << 20)

// Range `index` of a device's registers, NULL when there is none.
static volatile void *device(const struct machine *machine, firmware_map *map, const char *kind,
                             unsigned index, uint64_t *size) {
    struct machine_range range;
    if (!machine_device(machine, kind, index, &range))
        return NULL;
    *size = range.size < *size ? range.size : *size;
    return map((struct phys){range.base}, *size);
}

const char *platform_describe(struct machine *machine, struct phys description,
                              machine_show *show) {
    return machine_read_physical(machine, description, show);
}

const char *platform_init(const struct machine *machine, firmware_map *map) {
    uint64_t page = PAGE_SIZE, distributor_size = UINT64_MAX, size = REDISTRIBUTORS_SIZE_MAX;
    firmware_init(machine, map);
    clock_init(device(machine, map, "arm,pl031", 0, &page));
    struct gic gic;
    if (!gic_find(machine, &gic))
        return "the device tree has no GICv3 and no GICv2";
    volatile void *distributor = device(machine, map, gic.compatible, 0, &distributor_size);
    volatile void *cpus = device(machine, map, gic.compatible, 1, &size);
    if (distributor == NULL || cpus == NULL || !gic_init(distributor, cpus, size, CLOCK_INTERRUPT))
        return "no part of the GIC belongs to this CPU";
    return NULL;
}
