#include "tests/system/guests/check.h"

#include <stdarg.h>

#include "guest/lib/format.h"
#include "guest/lib/string.h"

static unsigned checks, failures;

bool check_case(const struct machine *on, const char *name, bool is_default) {
    char wanted[32];
    if (!machine_bootarg(on, "case", wanted, sizeof(wanted)))
        return is_default;
    return strcmp(wanted, name) == 0;
}

void check(bool holds, const char *what, ...) {
    checks++;
    if (holds)
        return;
    failures++;
    va_list arguments;
    va_start(arguments, what);
    print("FAILED: ");
    print_list(what, arguments);
    print("\n");
    va_end(arguments);
}

bool check_end(const char *name) {
    if (failures == 0)
        print("%s: %u checks passed\n", name, checks);
    else
        print("%s: %u of %u checks failed\n", name, failures, checks);
    return failures == 0 && checks > 0;
}

uint64_t check_random(void) {
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}
