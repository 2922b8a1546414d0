// printf for guests: %s %c %d %u %x %p %%, the length l (and ll, the same here), a field width and
// the flags '-' and '0'.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Gets the characters one by one, in order.
typedef void (*format_sink)(void *context, char c);

void format(format_sink sink, void *context, const char *text, va_list arguments);

// To memory: at most `size` - 1 characters and an end. Returns how many; what does not fit is left
// out.
__attribute__((format(printf, 3, 4))) size_t format_text(char *to, size_t size, const char *text,
                                                         ...);
