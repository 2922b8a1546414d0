#include "guest/gkernel/console.h"

#include <stddef.h>

#include "guest/firmware.h"
#include "guest/lib/format.h"

static char line[160];
static size_t used;

void console_flush(void) {
    if (used > 0)
        firmware_write(line, used);
    used = 0;
}

static void put(void *context, char c) {
    (void)context;
    line[used++] = c;
    if (c == '\n' || used == sizeof(line))
        console_flush();
}

void console_vprint(const char *text, va_list arguments) { format(put, NULL, text, arguments); }

void printk(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    console_vprint(text, arguments);
    va_end(arguments);
}

void console_write(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        put(NULL, text[i]);
}
