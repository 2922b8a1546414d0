// What a stock Linux does with a GICv3, and what that does: an execution on QEMU 7.2 (`-M virt,
// gic-version=3 -smp 4`, Debian's kernel 6.12, an init that types and moves the UART's interrupt
// from vCPU to vCPU) as its tracing tells it, from the kernel's first access on. Our machine has to
// read the same and to give each vCPU the same interrupts.
//
// Made by linux_trace.py. Left out are reads of registers that say which features there are, and,
// after the first hundreds, timers and IPIs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/world.h"

#define UART 33

enum kind {
    DISTRIBUTOR_READ,
    DISTRIBUTOR_WRITE,
    OWN_READ, // a redistributor's
    OWN_WRITE,
    SGI,
    TIMER,
    LINE,
    ACKNOWLEDGE,
    END,
    KINDS
};

static const struct event {
    uint8_t kind, vcpu;
    uint32_t where; // offset or INTID
    uint32_t size;
    uint64_t value;
} events[] = {
#include "tests/unit/vgic/linux_trace.inc"
};

static void expect_read(const struct event *event) {
    if (event->kind == DISTRIBUTOR_READ) {
        uint64_t mask = event->where == 0 ? ~1ull : ~0ull; // QEMU's has group 0, too
        uint64_t value = vgic_distributor_read(&world.vgic, event->where, event->size);
        if (event->where == 8) {
            mask = 0xfff; // GICD_IIDR: the product is ours
        }
        assert_int_equal(value & mask, event->value & mask);
        return;
    }
    // GICR_TYPER: QEMU's has LPIs, and the affinities they have in common.
    uint64_t mask = event->where == 8 ? ~0x01000001ull : ~0ull;
    uint64_t value = vgic_redistributor_read(
        &world.vgic, event->vcpu * VGIC_REDISTRIBUTOR_SIZE + event->where, event->size);
    assert_int_equal(value & mask, event->value & mask);
}

static void test_linux_on_qemu(void **state) {
    (void)state;
    unsigned count[KINDS] = {0}, of_uart[4] = {0};
    world_begin(4);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        const struct event *event = &events[i];
        count[event->kind]++;
        switch ((enum kind)event->kind) {
        case DISTRIBUTOR_READ:
        case OWN_READ:
            expect_read(event);
            break;
        case DISTRIBUTOR_WRITE:
            world_distributor(event->where, event->size, event->value);
            break;
        case OWN_WRITE:
            world_redistributor(event->vcpu, event->where, event->size, event->value);
            break;
        case SGI:
            world_sgi(event->vcpu, event->value);
            break;
        case TIMER:
            world_timer(event->vcpu, true);
            break;
        case LINE:
            world_line(event->where, 0, event->value);
            break;
        case ACKNOWLEDGE:
            assert_int_equal(world_acknowledge(event->vcpu), event->where);
            of_uart[event->vcpu] += event->where == UART;
            if (event->where == VGIC_TIMER) {
                world_timer(event->vcpu, false); // its handler sets it anew
            }
            break;
        case END:
            world_end(event->vcpu, event->where);
            break;
        case KINDS:
            fail();
        }
    }
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        assert_int_equal(world_acknowledge(vcpu), WORLD_SPURIOUS); // nothing is left over
        assert_true(of_uart[vcpu] > 0);
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        assert_true(count[kind] > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linux_on_qemu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
