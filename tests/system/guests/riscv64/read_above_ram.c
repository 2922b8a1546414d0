// Touches guest-physical memory 1 MiB above the end of RAM, where nothing is. The hypervisor must
// stop this VM with a report; no line after the first may appear.
// case=load (the default), store, fetch or amo.
#include "tests/system/guests/check.h"

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu;
    const struct machine *machine = check_machine(device_tree);
    volatile uint64_t *above =
        (volatile uint64_t *)(machine->memory.base + machine->memory.size + (1 << 20));
    print("read_above_ram: going to touch %p\n", (const void *)above);
    if (check_case(machine, "load", true))
        (void)*above;
    else if (check_case(machine, "store", false))
        *above = 1;
    else if (check_case(machine, "fetch", false))
        ((void (*)(void))above)();
    else if (check_case(machine, "amo", false))
        __atomic_fetch_add(above, 1, __ATOMIC_RELAXED);
    print("FAILED: memory above RAM was there\n");
    return false;
}
