#include "tests/system/guests/x86_64/try.h"

#include "tests/system/guests/check.h"

uint64_t try_trapped, try_skip;

bool try_take(struct trap_frame *frame) {
    if (try_skip == 0)
        return false;
    try_trapped = frame->vector + 1;
    frame->rip += try_skip;
    return true;
}

_Noreturn void try_unexpected(const struct trap_frame *frame) {
    print("FAILED: trap %lu, error 0x%lx, at 0x%lx\n", frame->vector, frame->error, frame->rip);
    guest_end(true);
}

void try_expect(int got, int wanted, const char *what) {
    check(got == wanted, "%s: vector %d, not %d", what, got, wanted);
}
