// How a program says what it found. What it prints is the same in every run, but for the number
// that stands directly behind a tilde: that is a time or a share, and those vary.
#pragma once

#include <stdbool.h>

// To be called first. Lines go out when they end, so that none is left in a buffer for a fork to
// double, and so that the C library need not ask what kind of file the output is.
void report_begin(const char *program);

// Prints one line, which begins with the program's name and ends with "ok" or "FAILED". Returns the
// exit status that belongs to it: 0 or 1.
int report_end(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
