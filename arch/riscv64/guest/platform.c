#include "guest/platform.h"

#include <stddef.h>

#include "arch/riscv64/guest/clock.h"

const struct platform platform = {
    .arch = "riscv64",
    .name = "riscv64-qemu-virt",
    .pflash = {0x22000000},
    .pflash_size = 32 << 20,
    .elf_machine = 243,
};

const char *platform_describe(struct machine *machine, struct phys description,
                              machine_show *show) {
    return machine_read_physical(machine, description, show);
}

const char *platform_init(const struct machine *machine,
                          volatile void *(*map)(struct phys at, uint64_t size)) {
    struct machine_range rtc;
    const volatile void *registers = NULL;
    if (machine_device(machine, "google,goldfish-rtc", 0, &rtc))
        registers = map((struct phys){rtc.base}, rtc.size);
    return clock_init(machine, registers)
               ? NULL
               : "the device tree does not say how fast the counter runs";
}
