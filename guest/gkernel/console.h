// The console's output, a line at a time: one call to the firmware for each line.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// The kernel's messages.
__attribute__((format(printf, 1, 2))) void printk(const char *text, ...);
void console_vprint(const char *text, va_list arguments);

// What programs print, and the echo of what is typed.
void console_write(const char *text, size_t size);

// What was printed of a line that has no end yet.
void console_flush(void);
