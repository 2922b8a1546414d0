#include "libs/text/text.h"

#include <stdint.h>
#include <string.h>

struct text {
    char *at;
    char *end; // the last byte of the buffer, kept for the NUL
};

static void put_bytes(struct text *text, const char *bytes, size_t length) {
    size_t room = (size_t)(text->end - text->at);
    if (length > room)
        length = room;
    memcpy(text->at, bytes, length);
    text->at += length;
}

static void put_number(struct text *text, uint64_t value, unsigned base) {
    char digits[20]; // 2^64 - 1 has twenty decimal digits
    size_t first = sizeof(digits);
    do {
        digits[--first] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_bytes(text, digits + first, sizeof(digits) - first);
}

// A precision below zero means the whole string, as in printf.
static void put_string(struct text *text, const char *string, int precision) {
    put_bytes(text, string, precision < 0 ? strlen(string) : strnlen(string, (size_t)precision));
}

size_t text_format_list(char *buffer, size_t size, const char *format, va_list arguments) {
    if (size == 0)
        return 0;
    struct text text = {buffer, buffer + size - 1};
    while (*format != '\0') {
        size_t literal = strcspn(format, "%");
        put_bytes(&text, format, literal);
        format += literal;
        if (*format == '\0' || *++format == '\0')
            break;
        int precision = -1;
        if (format[0] == '.' && format[1] == '*') {
            precision = va_arg(arguments, int);
            format += 2;
        }
        int wide = format[0] == 'l' && format[1] == 'l';
        if (wide)
            format += 2;
        char conversion = *format;
        if (conversion != '\0')
            format++;
        if (conversion == 's') {
            put_string(&text, va_arg(arguments, const char *), precision);
        } else if (conversion == 'u' || conversion == 'x') {
            uint64_t value =
                wide ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
            put_number(&text, value, conversion == 'u' ? 10 : 16);
        } else if (conversion == 'c') {
            put_bytes(&text, &(char){(char)va_arg(arguments, int)}, 1);
        } else {
            put_bytes(&text, &conversion, 1);
        }
    }
    *text.at = '\0';
    return (size_t)(text.at - buffer);
}

size_t text_format(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = text_format_list(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}
