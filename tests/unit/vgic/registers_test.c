// Each register reads and writes as the specification says (Arm IHI 0069, chapters 12.8 to 12.11):
// which bits stay, which are fixed, which sizes there are, and where there is nothing.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vgic/world.h"

#define SGI_FRAME 0x10000u

static uint64_t read(uint64_t offset, unsigned size) {
    return vgic_distributor_read(&world.vgic, offset, size);
}

static uint64_t read_own(unsigned vcpu, uint64_t offset, unsigned size) {
    return vgic_redistributor_read(&world.vgic, vcpu * VGIC_REDISTRIBUTOR_SIZE + offset, size);
}

static void test_control(void **state) {
    (void)state;
    world_begin(2);
    assert_int_equal(read(0, 4), 0x50); // DS, ARE; nothing enabled
    world_distributor(0, 4, 0xffffffff);
    assert_int_equal(read(0, 4), 0x52);
    world_distributor(0, 4, 1); // group 0 is not there
    assert_int_equal(read(0, 4), 0x50);
    world_distributor(0, 1, 2);
    world_distributor(0, 8, 2);
    assert_int_equal(read(0, 4), 0x50);
}

static void test_identification(void **state) {
    (void)state;
    world_begin(2);
    assert_int_equal(read(0x4, 4) & 31, 2);         // ITLinesNumber: 96 INTIDs
    assert_int_equal(read(0x4, 4) >> 19 & 31, 9);   // IDbits: 10
    assert_int_equal(read(0x4, 4) & 0xff07ffe0, 0); // no LPIs, no MBIs, DS
    assert_int_equal(read(0x8, 4) & 0xfff, 0x43b);
    assert_int_equal(read(0xffe8, 4) >> 4, 3); // GICv3
    assert_int_equal(read_own(1, 0xffe8, 4) >> 4, 3);
    static const uint8_t component[] = {0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(read(0xfff0 + 4 * n, 4), component[n]);
        assert_int_equal(read_own(0, 0xfff0 + 4 * n, 4), component[n]);
    }
    world_distributor(0x4, 4, 0);
    world_distributor(0xffe8, 4, 0);
    assert_int_equal(read(0x4, 4) & 31, 2);
    assert_int_equal(read(0xffe8, 4), 0x3b);
}

static void test_redistributors_follow_one_another(void **state) {
    (void)state;
    world_begin(16);
    for (unsigned vcpu = 0; vcpu < 16; vcpu++) {
        uint64_t typer = read_own(vcpu, 0x8, 8);
        assert_int_equal(typer >> 32, vcpu);          // Affinity_Value
        assert_int_equal(typer >> 8 & 0xffff, vcpu);  // Processor_Number
        assert_int_equal(typer >> 4 & 1, vcpu == 15); // Last
        assert_int_equal(typer & 0xff0000ef, 0);
        assert_int_equal(read_own(vcpu, 0x8, 4), (uint32_t)typer);
        assert_int_equal(read_own(vcpu, 0xc, 4), typer >> 32);
        assert_int_equal(read_own(vcpu, 0, 4), 0); // GICR_CTLR
    }
    world_begin(3);
    assert_int_equal(read_own(2, 0x8, 8) >> 4 & 1, 1);
    // Beyond the last one.
    assert_int_equal(read_own(3, 0x8, 8), 0);
    world_redistributor(3, SGI_FRAME + 0x100, 4, 1);
    assert_int_equal(read_own(3, SGI_FRAME + 0x100, 4), 0);
    assert_int_equal(vgic_redistributor_read(&world.vgic, UINT64_MAX, 4), 0);
    assert_int_equal(vgic_distributor_read(&world.vgic, UINT64_MAX - 3, 4), 0);
    assert_int_equal(vgic_distributor_read(&world.vgic, VGIC_DISTRIBUTOR_SIZE, 4), 0);
}

static void test_waker(void **state) {
    (void)state;
    world_begin(2);
    assert_int_equal(read_own(1, 0x14, 4), 6); // asleep, and the children too
    world_redistributor(1, 0x14, 4, 0);
    assert_int_equal(read_own(1, 0x14, 4), 0);
    assert_int_equal(read_own(0, 0x14, 4), 6);
    world_redistributor(1, 0x14, 4, 0xffffffff);
    assert_int_equal(read_own(1, 0x14, 4), 6);
}

// The registers of one bit an interrupt: what of them is there, and that set and clear are one.
static void check_bits(bool is_shared, unsigned vcpu, unsigned set, unsigned clear) {
    for (unsigned n = is_shared; n < (is_shared ? VGIC_INTIDS / 32 : 1); n++) {
        unsigned s = set + 4 * n, c = clear + 4 * n;
        if (is_shared) {
            world_distributor(s, 4, 0x80000011);
            assert_int_equal(world_read(s), 0x80000011);
            world_distributor(s, 4, 0x2);
            assert_int_equal(world_read(c), 0x80000013);
            world_distributor(c, 4, 0x80000001);
            assert_int_equal(world_read(s), 0x12);
            world_distributor(c, 4, 0xffffffff);
            assert_int_equal(world_read(c), 0);
        } else {
            world_redistributor(vcpu, SGI_FRAME + s, 4, 0x80010011);
            assert_int_equal(world_read_own(vcpu, SGI_FRAME + s), 0x80010011);
            world_redistributor(vcpu, SGI_FRAME + c, 4, 0x80000001);
            assert_int_equal(world_read_own(vcpu, SGI_FRAME + c), 0x10010);
            assert_int_equal(world_read_own(!vcpu, SGI_FRAME + s), 0);
            world_redistributor(vcpu, SGI_FRAME + c, 4, 0xffffffff);
        }
    }
}

static void test_set_and_clear(void **state) {
    (void)state;
    static const unsigned pairs[][2] = {{0x100, 0x180}, {0x200, 0x280}, {0x300, 0x380}};
    world_begin(2);
    for (unsigned i = 0; i < 3; i++) {
        check_bits(true, 0, pairs[i][0], pairs[i][1]);
        check_bits(false, 0, pairs[i][0], pairs[i][1]);
        check_bits(false, 1, pairs[i][0], pairs[i][1]);
    }
    assert_int_equal(world.outputs, 0); // all in group 0
}

static void test_groups(void **state) {
    (void)state;
    world_begin(2);
    assert_int_equal(world_read(0x84), 0);
    world_distributor(0x84, 4, 0xdeadbeef);
    world_distributor(0x88, 4, 0x12345678);
    world_redistributor(1, SGI_FRAME + 0x80, 4, 0xcafe0123);
    assert_int_equal(world_read(0x84), 0xdeadbeef);
    assert_int_equal(world_read(0x88), 0x12345678);
    assert_int_equal(world_read_own(1, SGI_FRAME + 0x80), 0xcafe0123);
    assert_int_equal(world_read_own(0, SGI_FRAME + 0x80), 0);
    world_distributor(0x84, 4, 0);
    assert_int_equal(world_read(0x84), 0);
}

// Five bits each, by words and by bytes.
static void test_priorities(void **state) {
    (void)state;
    world_begin(2);
    world_distributor(0x420, 4, 0xffa08107);
    assert_int_equal(read(0x420, 4), 0xf8a08000);
    assert_int_equal(read(0x423, 1), 0xf8);
    world_distributor(0x421, 1, 0x7f);
    assert_int_equal(read(0x420, 4), 0xf8a07800);
    world_distributor(0x45f, 1, 0xc0); // the last one's
    assert_int_equal(read(0x45c, 4), 0xc0000000);
    world_redistributor(1, SGI_FRAME + 0x41c, 4, 0x10203040);
    assert_int_equal(read_own(1, SGI_FRAME + 0x41c, 4), 0x10203040);
    assert_int_equal(read_own(1, SGI_FRAME + 0x41e, 1), 0x20);
    assert_int_equal(read_own(0, SGI_FRAME + 0x41c, 4), 0);
    assert_int_equal(read(0x424, 4), 0);
}

static void test_configuration(void **state) {
    (void)state;
    world_begin(2);
    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        world_redistributor(vcpu, SGI_FRAME + 0xc00, 4, 0);
        world_redistributor(vcpu, SGI_FRAME + 0xc04, 4, 0xffffffff);
        assert_int_equal(world_read_own(vcpu, SGI_FRAME + 0xc00), 0xaaaaaaaa); // SGIs: edges
        assert_int_equal(world_read_own(vcpu, SGI_FRAME + 0xc04), 0);          // PPIs: levels
    }
    for (unsigned offset = 0xc08; offset < 0xc18; offset += 4) {
        assert_int_equal(world_read(offset), 0);
        world_distributor(offset, 4, 0xff00ffff);
        assert_int_equal(world_read(offset), 0xaa00aaaa); // the lower bit of each is not there
        world_distributor(offset, 4, 0x55555555);
        assert_int_equal(world_read(offset), 0);
    }
}

static void test_routes(void **state) {
    (void)state;
    world_begin(2);
    world_distributor(0x6100, 8, UINT64_MAX);
    assert_int_equal(read(0x6100, 8), 0x80ffffff); // IRM, Aff2 to Aff0; no Aff3 (TYPER.A3V)
    world_distributor(0x62f8, 8, 0x1);
    assert_int_equal(read(0x62f8, 8), 0x1); // of the last SPI
    assert_int_equal(read(0x62f8, 4), 0x1);
    assert_int_equal(read(0x62fc, 4), 0);
    world_distributor(0x6104, 4, 0xffffffff);
    assert_int_equal(read(0x6100, 8), 0x80ffffff);
    world_distributor(0x6100, 4, 0x10203);
    assert_int_equal(read(0x6100, 8), 0x10203);
    assert_int_equal(read(0x6108, 8), 0); // its neighbour's
    // SGIs and PPIs have none, and behind the last SPI there is nothing.
    static const unsigned none[] = {0x6000, 0x60f8, 0x6300, 0x7ff8};
    for (unsigned i = 0; i < 4; i++) {
        world_distributor(none[i], 8, 0x1);
        assert_int_equal(read(none[i], 8), 0);
    }
}

// With affinity routing the distributor has no SGIs and PPIs; nor what belongs to two security
// states or to the GICs before.
static void test_what_is_not_there(void **state) {
    (void)state;
    static const unsigned none[] = {0x080, 0x100, 0x180, 0x200, 0x300, 0x400, 0x41c, 0x10c, 0x17c,
                                    0x460, 0x7fc, 0x800, 0x820, 0xbfc, 0xc00, 0xc04, 0xc18, 0xcfc,
                                    0xd00, 0xe00, 0xf00, 0xf10, 0xf20, 0x010, 0x040, 0x00c, 0x1000};
    world_begin(2);
    static uint8_t before[sizeof(struct vgic_state)];
    const uint8_t *now = (const uint8_t *)state_current(&world.state) + world.vgic.at;
    memcpy(before, now, sizeof(before));
    for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        vgic_distributor_write(&world.vgic, none[i], 4, 0xffffffff);
        assert_int_equal(read(none[i], 4), 0);
    }
    static const unsigned own[] = {0x0,     0x10,    0x18,    0x40,    0x70,    0x78,    0xa0,
                                   0x10000, 0x10104, 0x10420, 0x10c08, 0x10d00, 0x11000, 0x1fffc};
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        vgic_redistributor_write(&world.vgic, own[i], 4, 0xffffffff);
        assert_int_equal(read_own(0, own[i], 4), 0);
    }
    assert_int_equal(world.state.changes, 0);
    assert_memory_equal(before, now, sizeof(before));
}

static void test_other_sizes_and_places_do_nothing(void **state) {
    (void)state;
    static const struct {
        unsigned offset, size;
    } odd[] = {{0x104, 1},  {0x104, 2},  {0x104, 8},  {0x105, 4},  {0x106, 2},  {0x107, 1},
               {0x422, 2},  {0x421, 4},  {0x420, 8},  {0xc08, 1},  {0xc0a, 4},  {0x84, 8},
               {0x6101, 8}, {0x6104, 8}, {0x6100, 2}, {0x6100, 1}, {0x6102, 4}, {0x4, 8},
               {0x4, 1},    {0x5, 4},    {0xffe9, 4}, {0xffe8, 8}, {0xffe8, 1}, {0x104, 0},
               {0x420, 0},  {0x6100, 0}, {0x6100, 16}};
    world_begin(2);
    world_distributor(0x104, 4, 0xffffffff);
    world_distributor(0x420, 4, 0xffffffff);
    world_distributor(0x6100, 8, 0x80000000);
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(read(odd[i].offset, odd[i].size), 0);
        vgic_distributor_write(&world.vgic, odd[i].offset, odd[i].size, 0x5);
        assert_int_equal(world.state.changes, 0);
    }
    static const struct {
        unsigned offset, size;
    } own[] = {{0x8, 1},  {0x8, 2},     {0xa, 4},     {0xc, 8},    {0x14, 8},
               {0x14, 1}, {0x10100, 1}, {0x10102, 4}, {0x10402, 2}};
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(read_own(0, own[i].offset, own[i].size), 0);
        vgic_redistributor_write(&world.vgic, own[i].offset, own[i].size, 0);
        assert_int_equal(world.state.changes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_redistributors_follow_one_another),
        cmocka_unit_test(test_waker),
        cmocka_unit_test(test_set_and_clear),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_other_sizes_and_places_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
