// The answer to a request, as text: lines that each begin with one space, and whether it went well.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_BYTES 16384u
#define REPORT_ERROR 320u
#define REPORT_NUMBER 27u // 2^64 - 1 with its commas, and the NUL

struct report {
    size_t used;
    bool cut; // there was more than there is room for
    char text[REPORT_BYTES];
    char error[REPORT_ERROR]; // what is wrong, and what to do; "": nothing is
};

void report_begin(struct report *report);

// Adds one line; the newline is added here. What is not printable becomes a question mark.
__attribute__((format(printf, 2, 3))) void report_line(struct report *report, const char *format,
                                                       ...);

// Says what is wrong; the first to say so is heard.
__attribute__((format(printf, 2, 3))) void report_fail(struct report *report, const char *format,
                                                       ...);

// Adds TEXT to what is wrong already.
void report_fail_more(struct report *report, const char *text);

// VALUE in decimal, in groups of three digits, written to BUFFER.
const char *report_number(char buffer[static REPORT_NUMBER], uint64_t value);

// The same where a buffer that lives as long as the block will do.
#define REPORT_GROUPED(value) report_number((char[REPORT_NUMBER]){0}, value)
