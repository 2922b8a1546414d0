// Prints a line that has no end. case=spin: and then does nothing, with interrupts masked, for
// ever; case=die: and then touches what is not there; case=off: and then ends well.
#include "tests/system/guests/check.h"

#define NOWHERE 0x70000000ull

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    static const char line[] = "a line without an end> ";
    const struct machine *machine = bare_machine();
    print_bytes(line, sizeof(line) - 1);
    if (check_case(machine, "die", false))
        *(volatile uint64_t *)NOWHERE = 0;
    while (check_case(machine, "spin", true))
        __asm__ volatile("");
    return true;
}
