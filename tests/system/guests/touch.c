// Touches what it is told to, which should not be a guest's business. The hypervisor must stop this
// VM with a report; no line after the first may appear. With `more` it is the guest's own, and then
// the line after the first must appear.
//   at=ADDRESS (hexadecimal, as a guest-physical one), how=NAME of touch_ways, more
#include "tests/system/guests/touch.h"

#include "guest/lib/string.h"
#include "tests/system/guests/check.h"

static uint64_t hexadecimal(const char *text) {
    uint64_t value = 0;
    for (const char *at = text; *at != '\0'; at++)
        value = value << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return value;
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    char how[32], at[20], text[4];
    if (!machine_bootarg(machine, "how", how, sizeof(how)) ||
        !machine_bootarg(machine, "at", at, sizeof(at))) {
        print("FAILED: touch what, and how?\n");
        return false;
    }
    const bool allowed = machine_bootarg(machine, "more", text, sizeof(text));
    const uint64_t address = hexadecimal(at);
    for (const struct touch_way *way = touch_ways; way->name != NULL; way++) {
        if (strcmp(way->name, how) == 0) {
            print("touch: going to %s at %p\n", how, (const void *)address);
            way->touch(address);
            print("%s: it was there\n", allowed ? "touch" : "FAILED");
            return allowed;
        }
    }
    print("FAILED: there is no way %s\n", how);
    return false;
}
