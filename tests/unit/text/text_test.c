// Messages come out as printf would form them, and never longer than their buffer.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libs/text/text.h"

// Compares with the C library's formatter, at every size of the buffer.
#define EXPECT_SAME(...)                                                                           \
    do {                                                                                           \
        char expected[100], actual[100];                                                           \
        int whole = snprintf(expected, sizeof(expected), __VA_ARGS__);                             \
        for (size_t size = 1; size < sizeof(actual); size++) {                                     \
            snprintf(expected, size, __VA_ARGS__);                                                 \
            memset(actual, 'x', sizeof(actual));                                                   \
            size_t length = text_format(actual, size, __VA_ARGS__);                                \
            assert_string_equal(actual, expected);                                                 \
            assert_int_equal(length, (size_t)whole < size ? (size_t)whole : size - 1);             \
            assert_int_equal(actual[size], 'x');                                                   \
        }                                                                                          \
    } while (0)

static void test_same_as_printf(void **state) {
    (void)state;
    EXPECT_SAME("nothing to fill in");
    EXPECT_SAME("%s and %s", "one", "");
    EXPECT_SAME("%.*s|%.*s|%.*s", 3, "abcdef", 0, "abcdef", -1, "abcdef");
    EXPECT_SAME("%u %u %u", 0u, 1234567890u, UINT32_MAX);
    EXPECT_SAME("%x %x", 0u, 0xdeadbeefu);
    EXPECT_SAME("%llu %llu %llu", 0ull, 10000000000ull, (unsigned long long)UINT64_MAX);
    EXPECT_SAME("0x%llx 0x%llx", 0ull, (unsigned long long)UINT64_MAX);
    EXPECT_SAME("%c%c 100%%", 'a', 'z');
}

static void test_buffer_of_no_size(void **state) {
    (void)state;
    char byte = 'x';
    assert_int_equal(text_format(&byte, 0, "%s", "abc"), 0);
    assert_int_equal(byte, 'x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_printf),
        cmocka_unit_test(test_buffer_of_no_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
