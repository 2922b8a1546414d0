// Messages for people, made without stdio: no allocation, no locale, no output of its own.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Writes FORMAT and its arguments into the SIZE bytes at BUFFER and ends them with a NUL; what does
// not fit is cut off. Understands a subset of printf's conversions, so the compiler checks the
// arguments: %s, %.*s, %c, %u, %x, %llu, %llx and %%. Returns the length written, without the NUL.
size_t text_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_format_list(char *buffer, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
