// The end: a bug in the core, or a machine that it can't run on.
#pragma once

// Says MESSAGE and a number on whatever the machine's firmware offers, and turns the machine off
// with a failure. Nothing that a guest or a server does may lead here.
_Noreturn void arch_panic(const char *message, unsigned long value);
