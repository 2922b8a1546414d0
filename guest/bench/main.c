// The bench guest: measures every operation of the architecture once and prints
// `bench NAME VALUE`, instructions outside the guest for one operation.
#include <stddef.h>

#include "guest/bare.h"
#include "guest/bench.h"
#include "guest/lib/machine.h"

#define OPERATIONS 32

// The hypervisor's console gathers lines and writes them some ticks later: so nobody says anything
// before everything is measured, and what was said before is given time.
#define QUIET UINT64_C(40000000) // instructions: four ticks

static void wait_until_quiet(void) {
    const uint64_t start = bench_instructions();
    while (bench_instructions() - start < QUIET)
        ;
}

bool guest_main(uint64_t cpu, const void *handed) {
    (void)cpu;
    const uint64_t first = bench_first_instruction();
    const struct machine *machine = bench_machine(handed);
    if (machine == NULL || bench_operation_count > OPERATIONS)
        return false;
    static uint64_t value[OPERATIONS];
    static const char *missing[OPERATIONS];
    wait_until_quiet();
    for (unsigned i = 0; i < bench_operation_count; i++) {
        const char *needs = "";
        missing[i] = bench_operations[i].measure(machine, &value[i], &needs) ? NULL : needs;
    }
    print("bench guest_begin %lu\n", first);
    print("bench: instructions outside the guest, an operation\n");
    for (unsigned i = 0; i < bench_operation_count; i++) {
        const char *name = bench_operations[i].name;
        if (missing[i] == NULL)
            print("bench %s %lu\n", name, value[i]);
        else
            print("bench: %s not measured, it needs %s\n", name, missing[i]);
    }
    print("bench: done\n");
    return true;
}
