#include "guest/bench/measure.h"

#include <stddef.h>

#include "guest/bare.h"
#include "guest/bench.h"

#define WARM_UP 64
#define ROUNDS 1000
#define TRIES 3 // the one counts into which least of the machine's own work fell

static uint64_t per_round(uint64_t with, uint64_t without) {
    return (with - without + ROUNDS / 2) / ROUNDS;
}

uint64_t measure_exit(measure_loop *with, measure_loop *without,
                      const uint64_t argument[MEASURE_ARGUMENTS]) {
    uint64_t least = UINT64_MAX;
    with(WARM_UP, argument);
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t executed = with(ROUNDS, argument);
        least = executed < least ? executed : least;
    }
    return per_round(least, without(ROUNDS, argument));
}

const struct machine *measure_machine(const void *tree) {
    static struct machine machine;
    const size_t size = machine_tree_size(tree);
    if (size != 0 && machine_read(&machine, tree, size))
        return &machine;
    print("bench: no device tree at %p\n", tree);
    return NULL;
}

bool measure_device(const struct machine *machine, const char *compatible, uint64_t offset,
                    measure_loop *access, measure_loop *nothing, uint64_t *value) {
    struct machine_range registers;
    if (!machine_device(machine, compatible, 0, &registers))
        return false;
    const uint64_t argument[MEASURE_ARGUMENTS] = {registers.base + offset};
    *value = measure_exit(access, nothing, argument);
    return true;
}

#define TIMES 200

bool measure_often(bool (*once)(uint64_t *outside), uint64_t *value) {
    static uint64_t sorted[TIMES];
    unsigned count = 0;
    for (unsigned round = 0; round < TIMES; round++) {
        uint64_t outside;
        if (!once(&outside))
            continue;
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1] > outside; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = outside;
    }
    *value = sorted[count / 2];
    return count > TIMES / 2;
}

// The memory is tried in two windows, because the device tree may lie in one of them.
#define TOUCHED (UINT64_C(8) << 20)
#define WINDOW (UINT64_C(4) << 20)
#define TOUCHED_PAGE UINT64_C(4096)
#define PAGE_WARM_UP 16
_Static_assert((PAGE_WARM_UP + ROUNDS) * TOUCHED_PAGE <= WINDOW, "the rounds fit the window");

static bool untouched_window(const struct machine *machine, uint64_t *base) {
    const uint64_t end = machine->memory.base + machine->memory.size;
    const uint64_t tree = (uint64_t)machine->tree, tree_end = tree + machine->tree_size;
    for (*base = machine->memory.base + TOUCHED; *base + WINDOW <= end; *base += WINDOW) {
        if (tree >= *base + WINDOW || tree_end <= *base)
            return true;
    }
    return false;
}

// The same instructions each time, so that what they are is no matter.
static __attribute__((noinline)) uint64_t touch(uint64_t at, uint64_t pages) {
    const uint64_t start = bench_instructions();
    for (; pages > 0; pages--, at += TOUCHED_PAGE)
        (void)*(const volatile uint32_t *)at;
    return bench_instructions() - start;
}

bool measure_first_touch(const struct machine *machine, uint64_t *value) {
    uint64_t base;
    if (!untouched_window(machine, &base))
        return false;
    touch(base, PAGE_WARM_UP);
    base += PAGE_WARM_UP * TOUCHED_PAGE;
    // A load is not counted when it faults, but when it is repeated, the page being there.
    const uint64_t first = touch(base, ROUNDS);
    *value = per_round(first, touch(base, ROUNDS));
    return true;
}
