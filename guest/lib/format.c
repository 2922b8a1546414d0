#include "guest/lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/string.h"

struct field {
    bool left;
    bool zero;
    bool is_long;
    unsigned width;
};

struct output {
    format_sink sink;
    void *context;
};

static void fill(const struct output *out, char c, unsigned count) {
    for (; count > 0; count--)
        out->sink(out->context, c);
}

// Zeroes stand between the sign and the digits, blanks before both.
static void put_padded(const struct output *out, const struct field *field, const char *sign,
                       const char *text, unsigned length) {
    unsigned signs = (unsigned)strlen(sign);
    unsigned pad = field->width > length + signs ? field->width - length - signs : 0;
    if (!field->left && !field->zero)
        fill(out, ' ', pad);
    for (; *sign != '\0'; sign++)
        out->sink(out->context, *sign);
    if (!field->left && field->zero)
        fill(out, '0', pad);
    for (unsigned i = 0; i < length; i++)
        out->sink(out->context, text[i]);
    if (field->left)
        fill(out, ' ', pad);
}

static void put_number(const struct output *out, const struct field *field, const char *sign,
                       uint64_t value, unsigned base) {
    char digits[20];
    unsigned at = sizeof(digits);
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_padded(out, field, sign, &digits[at], (unsigned)sizeof(digits) - at);
}

static const char *parse_field(const char *text, struct field *field) {
    for (; *text == '-' || *text == '0'; text++) {
        if (*text == '-')
            field->left = true;
        else
            field->zero = true;
    }
    for (; *text >= '0' && *text <= '9'; text++)
        field->width = field->width * 10 + (unsigned)(*text - '0');
    for (; *text == 'l'; text++)
        field->is_long = true;
    return text;
}

void format(format_sink sink, void *context, const char *text, va_list arguments) {
    const struct output out = {sink, context};
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            sink(context, *text);
            continue;
        }
        struct field field = {0};
        text = parse_field(text + 1, &field);
        switch (*text) {
        case 's': {
            const char *string = va_arg(arguments, const char *);
            put_padded(&out, &field, "", string, (unsigned)strlen(string));
            break;
        }
        case 'c': {
            char c = (char)va_arg(arguments, int);
            put_padded(&out, &field, "", &c, 1);
            break;
        }
        case 'd': {
            int64_t value = field.is_long ? va_arg(arguments, long) : va_arg(arguments, int);
            uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
            put_number(&out, &field, value < 0 ? "-" : "", size, 10);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value =
                field.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned int);
            put_number(&out, &field, "", value, *text == 'u' ? 10 : 16);
            break;
        }
        case 'p':
            put_number(&out, &field, "0x", (uintptr_t)va_arg(arguments, void *), 16);
            break;
        case '\0':
            return;
        default:
            sink(context, *text);
        }
    }
}

struct buffer {
    char *to;
    size_t size, used;
};

static void put_in_buffer(void *context, char c) {
    struct buffer *buffer = context;
    if (buffer->used + 1 < buffer->size)
        buffer->to[buffer->used++] = c;
}

size_t format_text(char *to, size_t size, const char *text, ...) {
    struct buffer buffer = {to, size, 0};
    va_list arguments;
    va_start(arguments, text);
    format(put_in_buffer, &buffer, text, arguments);
    va_end(arguments);
    to[buffer.used] = '\0';
    return buffer.used;
}
