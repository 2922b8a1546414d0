// The bench guest: measures every operation of the architecture once and prints
// `bench NAME VALUE`, instructions outside the guest for one operation.
#include <stddef.h>

#include "guest/bare.h"
#include "guest/bench.h"
#include "guest/lib/machine.h"

bool guest_main(uint64_t cpu, const void *handed) {
    (void)cpu;
    const uint64_t first = bench_first_instruction();
    const struct machine *machine = bench_machine(handed);
    if (machine == NULL)
        return false;
    print("bench guest_begin %lu\n", first);
    print("bench: instructions outside the guest, an operation\n");
    for (unsigned i = 0; i < bench_operation_count; i++) {
        const struct bench_operation *operation = &bench_operations[i];
        const char *missing = "";
        uint64_t value;
        if (operation->measure(machine, &value, &missing))
            print("bench %s %lu\n", operation->name, value);
        else
            print("bench: %s not measured, it needs %s\n", operation->name, missing);
    }
    print("bench: done\n");
    return true;
}
