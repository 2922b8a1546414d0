// The guests' messages come out as printf would form them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "guest/lib/format.h"

struct text {
    char at[200];
    size_t size;
};

static void put(void *context, char c) {
    struct text *text = context;
    assert_true(text->size < sizeof(text->at) - 1);
    text->at[text->size++] = c;
    text->at[text->size] = '\0';
}

__attribute__((format(printf, 1, 2))) static void same_as_printf(const char *text, ...) {
    char expected[200];
    struct text actual = {{0}, 0};
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(expected, sizeof(expected), text, arguments);
    va_end(arguments);
    va_start(arguments, text);
    format(put, &actual, text, arguments);
    va_end(arguments);
    assert_string_equal(actual.at, expected);
}

static void test_texts(void **state) {
    (void)state;
    same_as_printf("nothing to fill in, 100%%");
    same_as_printf("%s and %s|%10s|%-10s|", "one", "", "right", "left");
    same_as_printf("%c%c", 'a', 'z');
}

static void test_numbers(void **state) {
    (void)state;
    same_as_printf("%d %d %d", 0, INT32_MAX, INT32_MIN);
    same_as_printf("%ld %ld", INT64_MAX, INT64_MIN);
    same_as_printf("%u %lu %lx", UINT32_MAX, UINT64_MAX, UINT64_MAX);
    same_as_printf("%x %08x %8x|%-8x|", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeefu);
    same_as_printf("%05d %5d|%-5d|", -42, -42, -42);
    same_as_printf("%016lx %3u", UINT64_C(0x123456789abcdef), 12345u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
