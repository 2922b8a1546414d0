// print() of the bare guests (guest/bare.h), over the architecture's print_bytes().
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/bare.h"
#include "guest/lib/format.h"

static char line[256];
static uint64_t line_used;

static void put(void *context, char c) {
    (void)context;
    line[line_used++] = c;
    if (c == '\n' || line_used == sizeof(line)) {
        print_bytes(line, line_used);
        line_used = 0;
    }
}

void print_list(const char *text, va_list arguments) { format(put, NULL, text, arguments); }

void print(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    print_list(text, arguments);
    va_end(arguments);
}
