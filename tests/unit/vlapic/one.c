#include "tests/unit/vlapic/one.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct one one;

void one_put(unsigned which, uint64_t value) {
    assert_true(vlapic_write_msr(&one.lapic, ONE_MSR(which), value, one.now, &one.ipi));
}

void one_refuse(uint32_t msr, uint64_t value) {
    const struct vlapic before = one.lapic;
    assert_false(vlapic_write_msr(&one.lapic, msr, value, one.now, &one.ipi));
    assert_false(one.ipi.is_due);
    assert_memory_equal(&before, &one.lapic, sizeof(one.lapic));
}

uint64_t one_get(unsigned which) {
    uint64_t value = 0;
    assert_true(vlapic_read_msr(&one.lapic, ONE_MSR(which), one.now, &value));
    return value;
}

bool one_has(unsigned vector) { return one.core[vector / 64] >> vector % 64 & 1; }

bool one_has_any(void) { return (one.core[0] | one.core[1] | one.core[2] | one.core[3]) != 0; }

void one_settle(void) {
    struct vlapic_output output;
    for (unsigned i = 0; vlapic_next(&one.lapic, &output); i++) {
        assert_true(i < 8);
        assert_int_equal(output.number, ++one.number);
        const struct vlapic_output last = vlapic_last(&one.lapic);
        assert_true(last.effect == output.effect && last.vector == output.vector &&
                    last.number == output.number);
        const uint64_t bit = UINT64_C(1) << output.vector % 64;
        if (output.effect == VLAPIC_DO_RAISE) {
            assert_false(one_has_any());
            one.core[output.vector / 64] |= bit;
        } else if (output.effect == VLAPIC_DO_PRIORITY) {
            assert_int_equal(output.vector, one.lapic.priority >> 4);
            one.cr8 = output.vector;
        } else {
            assert_int_equal(output.effect, VLAPIC_DO_TAKE_BACK);
            assert_true(one_has(output.vector));
            one.core[output.vector / 64] &= ~bit;
        }
    }
}

unsigned one_take(void) {
    one_settle();
    for (unsigned vector = 255; vector > 0; vector--) {
        if (one_has(vector)) {
            one.core[vector / 64] &= ~(UINT64_C(1) << vector % 64);
            assert_int_equal(one.lapic.given, vector);
            vlapic_accept(&one.lapic);
            return vector;
        }
    }
    return 0;
}

void one_raise(unsigned vector) { vlapic_raise(&one.lapic, (uint8_t)vector); }

int one_begin(void **unused) {
    (void)unused;
    memset(one.core, 0, sizeof(one.core));
    one.number = 0;
    one.now = 1000000;
    vlapic_reset(&one.lapic, 0);
    assert_true(
        vlapic_write_msr(&one.lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_WIDE, one.now, &one.ipi));
    one_put(ONE_SVR, 0x1ff);
    return 0;
}
