// The block function against the values that RFC 8439 gives.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libs/chacha20/chacha20.h"

// §2.3.2
static void test_the_example(void **state) {
    (void)state;
    static const uint8_t nonce[CHACHA20_NONCE] = {[3] = 0x09, [7] = 0x4a};
    static const uint8_t expected[CHACHA20_BLOCK] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t key[CHACHA20_KEY], block[CHACHA20_BLOCK];
    for (unsigned i = 0; i < CHACHA20_KEY; i++)
        key[i] = (uint8_t)i;
    chacha20_block(key, 1, nonce, block);
    assert_memory_equal(block, expected, CHACHA20_BLOCK);
}

// Appendix A.1, test vector #1: nothing of the state is left as it was.
static void test_of_zeros(void **state) {
    (void)state;
    static const uint8_t zeros[CHACHA20_KEY];
    static const uint8_t expected[] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                       0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
    uint8_t block[CHACHA20_BLOCK];
    chacha20_block(zeros, 0, zeros, block);
    assert_memory_equal(block, expected, sizeof(expected));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_of_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
