#include "servers/monitor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut_line[] = " (there is more than fits)\n";

void report_begin(struct report *report) {
    report->used = 0;
    report->cut = false;
    report->error[0] = '\0';
}

static void make_printable(char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    }
}

void report_line(struct report *report, const char *format, ...) {
    if (report->cut)
        return;
    char *at = report->text + report->used;
    size_t room = REPORT_BYTES - sizeof(cut_line) - report->used;
    va_list arguments;
    va_start(arguments, format);
    int length = room > 2 ? vsnprintf(at + 1, room - 1, format, arguments) : -1;
    va_end(arguments);
    if (length < 0 || (size_t)length + 2 > room) {
        memcpy(at, cut_line, sizeof(cut_line) - 1);
        report->used += sizeof(cut_line) - 1;
        report->cut = true;
        return;
    }
    at[0] = ' ';
    make_printable(at + 1, (size_t)length);
    at[length + 1] = '\n';
    report->used += (size_t)length + 2;
}

void report_fail(struct report *report, const char *format, ...) {
    if (report->error[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->error, sizeof(report->error), format, arguments);
    va_end(arguments);
    make_printable(report->error, strlen(report->error));
}

void report_fail_more(struct report *report, const char *text) {
    size_t length = strlen(report->error);
    snprintf(report->error + length, sizeof(report->error) - length, "%s", text);
    make_printable(report->error + length, strlen(report->error + length));
}

const char *report_number(char buffer[static REPORT_NUMBER], uint64_t value) {
    char *at = buffer + REPORT_NUMBER - 1;
    *at = '\0';
    unsigned digits = 0;
    do {
        if (digits != 0 && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + value % 10);
        value /= 10;
        digits++;
    } while (value != 0);
    return at;
}
