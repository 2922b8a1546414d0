#include "tests/unit/vgic/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

uint32_t access_bit(unsigned intid) { return 1u << intid % 32; }

void access_spi(unsigned reg, unsigned intid) {
    world_distributor(reg + intid / 32 * 4, 4, access_bit(intid));
}

void access_own(unsigned vcpu, unsigned reg, unsigned intid) {
    world_redistributor(vcpu, 0x10000 + reg, 4, access_bit(intid));
}

bool access_spi_is(unsigned reg, unsigned intid) {
    return world_read(reg + intid / 32 * 4) & access_bit(intid);
}

void access_route(unsigned intid, uint64_t value) {
    world_distributor(0x6000 + 8 * intid, 8, value);
}

void access_edges(unsigned intid) {
    world_distributor(0xc00 + intid / 16 * 4, 4, 2u << intid % 16 * 2);
}

void access_priority(unsigned intid, unsigned value) { world_distributor(0x400 + intid, 1, value); }

int access_begin(void **state) {
    (void)state;
    world_begin(4);
    world_start();
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    return 0;
}

void access_expect_last(enum vgic_effect effect, unsigned intid, unsigned vcpus) {
    assert_int_equal(world.last.effect, effect);
    assert_int_equal(world.last.intid, intid);
    assert_int_equal(world.last.vcpus, vcpus);
}
