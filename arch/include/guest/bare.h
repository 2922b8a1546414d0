// The guest contract of the small guests that measure and test: no paging, one CPU, one stack. They
// begin in guest_main() and end when it returns.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

// Written by the guest. Interrupts are off. True ends the machine cleanly, false as failed.
bool guest_main(uint64_t cpu, const void *device_tree);

// What the guest was started with: the loader's description of the machine, read. Without one the
// machine ends as failed.
const struct machine *bare_machine(void);

// To the console, a line at a time.
__attribute__((format(printf, 1, 2))) void print(const char *text, ...);
void print_list(const char *text, va_list arguments);

// For output that is no text for print(): up to 4 KiB at a time.
void print_bytes(const char *bytes, uint64_t size);

// Ends the machine in the middle of everything.
_Noreturn void guest_end(bool failed);
