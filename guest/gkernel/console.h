// The kernel's messages, a line at a time: one call to the firmware for each line.
#pragma once

#include <stdarg.h>

__attribute__((format(printf, 1, 2))) void printk(const char *text, ...);
void console_vprint(const char *text, va_list arguments);

// What was printed of a line that has no end yet.
void console_flush(void);
