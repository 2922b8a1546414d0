#include "arch/aarch64/guest/gic.h"

#include <stddef.h>

#include "arch/aarch64/guest/gic_driver.h"

static const struct gic_driver *driver;

static bool has(const struct machine *machine, const char *compatible, struct gic *found) {
    return machine_device(machine, compatible, 0, &found->distributor) &&
           machine_device(machine, compatible, 1, &found->cpus);
}

bool gic_find(const struct machine *machine, struct gic *found) {
    static const struct gic_driver *const drivers[] = {&gic_v3, &gic_v2};
    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        for (const char *const *name = drivers[i]->compatible; *name != NULL; name++) {
            if (has(machine, *name, found)) {
                found->compatible = *name;
                driver = drivers[i];
                return true;
            }
        }
    }
    return false;
}

bool gic_init(volatile void *distributor, volatile void *cpus, unsigned long size,
              unsigned interrupt) {
    return driver->init(distributor, cpus, size, interrupt);
}

// Numbers from 1020 on mean that there is none.
unsigned gic_claim(void) {
    const unsigned interrupt = driver->claim();
    return interrupt >= 1020 && interrupt <= GIC_NONE ? GIC_NONE : interrupt;
}

void gic_end(unsigned interrupt) { driver->end(interrupt); }
