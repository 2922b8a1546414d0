// The guests' CRC-32 is zlib's: its check values, and one that was computed with zlib.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/lib/crc32.h"

static void test_known_values(void **state) {
    (void)state;
    assert_int_equal(crc32("", 0), 0);
    // The check value of CRC-32/ISO-HDLC.
    assert_int_equal(crc32("123456789", 9), 0xcbf43926);
    uint8_t all[256];
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(crc32(all, sizeof(all)), 0x29058c73);
    assert_int_equal(crc32(all + 1, 31), 0xe1258797);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
