#include "guest/programs/lib/report.h"

#include <stdarg.h>
#include <stdio.h>

static const char *name;

void report_begin(const char *program) {
    name = program;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

int report_end(bool ok, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s: ", name);
    vprintf(format, arguments);
    va_end(arguments);
    printf(": %s\n", ok ? "ok" : "FAILED");
    return ok ? 0 : 1;
}
