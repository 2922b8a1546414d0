// The end: a bug in the core, or a machine that it can't run on.
#pragma once

#include <stdbool.h>

// Says MESSAGE and a number on whatever the machine's firmware offers, and turns the machine off
// with a failure. Nothing that a guest or a server does may lead here.
_Noreturn void arch_panic(const char *message, unsigned long value);

// A machine that is not as it must be.
static inline void panic_unless(bool good, const char *message, unsigned long value) {
    if (!good) {
        arch_panic(message, value);
    }
}

// init has ended: turns the machine off, as its firmware is able to tell whether that is a failure.
void arch_machine_end(bool failed);
