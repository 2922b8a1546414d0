// Touches machine addresses that are none of a guest's business, as guest-physical ones: the
// hypervisor's memory, the kernel's addresses of other systems, and devices that are not passed
// through. The hypervisor must stop this VM with a report; no line after the first may appear.
#include "guest/lib/string.h"
#include "tests/system/guests/check.h"

static const struct place {
    const char *name; // case=NAME; the first is the default
    uint64_t address;
    bool store;
} places[] = {
    {"host", 0x82200000, false},           // the machine's own device tree, on QEMU's virt
    {"linear", 0xffffffff80200000, false}, // a kernel's usual place; more bits than Sv39x4 has
    {"uart", 0x10000000, false},           // console
    {"plic", 0x0c201004, false},           // claims a physical interrupt when read
    {"clint", 0x02000000, true},           // sends a machine interrupt when written
    {"virtio", 0x10001050, true},          // notifies the physical disk when written
    {"finisher", 0x00100000, true},        // ends QEMU when written
};

static void touch(const struct place *place) {
    volatile uint32_t *at = (volatile uint32_t *)place->address;
    print("read_core: going to %s %s at %p\n", place->store ? "write" : "read", place->name,
          (const void *)at);
    if (place->store)
        *at = 0x5555;
    else
        (void)*at;
    print("FAILED: it was there\n");
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu;
    const struct machine *machine = check_machine(device_tree);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (check_case(machine, places[i].name, i == 0)) {
            touch(&places[i]);
            return false;
        }
    }
    print("FAILED: there is no such case\n");
    return false;
}
