// Any accesses to a local APIC, by either way, with interrupts and time in between. The core is
// never given two vectors at once, nor one that the guest's priority forbids; outputs are numbered;
// reads change nothing; and in the end, when the guest lets everything in and ends everything,
// nothing is left, and each vector that was requested had come.
#include <stdlib.h>
#include <string.h>

#include "libs/vlapic/vlapic.h"

#define X2APIC(number) (VLAPIC_MSR_FIRST + (number))
#define BASE_WIDE (VLAPIC_PAGE | 0xc00)

static struct {
    const uint8_t *at, *end;
} input;

static struct vlapic lapic;
static unsigned pending; // what the core has
static unsigned told;    // what the guest reads as CR8
static uint64_t number, now;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static uint64_t next_word(void) {
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | next();
    }
    return word;
}

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t read_msr(uint32_t msr, bool *there) {
    const struct vlapic before = lapic;
    uint64_t value = 0;
    *there = vlapic_read_msr(&lapic, msr, now, &value);
    require(memcmp(&before, &lapic, sizeof(lapic)) == 0);
    return value;
}

static void settle(void) {
    struct vlapic_output output;
    // An interrupt is taken back at most once for one that is given.
    for (unsigned i = 0; vlapic_next(&lapic, &output); i++) {
        require(i < 7 && output.number == ++number);
        if (output.effect == VLAPIC_DO_PRIORITY) {
            require(output.vector == lapic.priority >> 4);
            told = output.vector;
            continue;
        }
        if (output.effect >= VLAPIC_DO_INIT) {
            // The core forgets what it had with an INIT, and only with that.
            pending = output.effect == VLAPIC_DO_INIT ? 0 : pending;
            told = output.effect == VLAPIC_DO_INIT ? 0 : told;
            require(lapic.given == 0 || output.effect == VLAPIC_DO_NMI);
            continue;
        }
        require(output.vector >= 16);
        if (output.effect == VLAPIC_DO_RAISE) {
            require(pending == 0);
            require((output.vector & 0xf0) > (lapic.priority & 0xf0));
            pending = output.vector;
        } else {
            require(output.effect == VLAPIC_DO_TAKE_BACK && pending == output.vector);
            pending = 0;
        }
        require(lapic.given == pending);
    }
    require(lapic.number == number && told == lapic.priority >> 4);
}

// The guest takes it, perhaps; whoever serves the next exit sees that first.
static bool take(void) {
    if (pending == 0) {
        return false;
    }
    pending = 0;
    vlapic_accept(&lapic);
    return true;
}

static uint64_t next_value(void) {
    const uint8_t which = next();
    static const uint64_t usual[] = {0, 1, 0x1ff, 0xff, 0x20031, 0x40020, 0x10000, BASE_WIDE};
    return which < 0xc0 ? usual[which % 8] | (which & 0x40 ? next() : 0) : next_word();
}

static void write_msr(void) {
    static const uint32_t others[] = {VLAPIC_MSR_BASE, VLAPIC_MSR_DEADLINE, 0x7ff, 0x900};
    const uint8_t which = next();
    const uint32_t msr = which < 0xe0 ? X2APIC(which & 0x3f) : others[which & 3];
    const struct vlapic before = lapic;
    struct vlapic_ipi ipi;
    const uint64_t value = msr == VLAPIC_MSR_DEADLINE ? now + next() : next_value();
    if (!vlapic_write_msr(&lapic, msr, value, now, &ipi)) {
        require(memcmp(&before, &lapic, sizeof(lapic)) == 0 && !ipi.is_due);
    } else if (ipi.is_due) {
        require(ipi.vector >= 16 || ipi.mode >= VLAPIC_NMI);
        if (vlapic_ipi_is_for(&ipi, &lapic, true)) {
            vlapic_receive(&lapic, &ipi);
        }
    }
}

static void write_page(void) {
    struct vlapic_ipi ipi;
    const uint32_t offset = (uint32_t)next() << 4 | (next() % 16 == 0 ? 4 : 0);
    vlapic_write_page(&lapic, offset, (uint32_t)next_value(), now, &ipi);
    (void)vlapic_read_page(&lapic, offset, now);
    if (ipi.is_due && vlapic_ipi_is_for(&ipi, &lapic, true)) {
        vlapic_receive(&lapic, &ipi);
    }
}

static void step(void) {
    bool there;
    switch (next() % 7) {
    case 0:
    case 1:
        write_msr();
        break;
    case 2:
        write_page();
        break;
    case 3:
        (void)read_msr(X2APIC(next()), &there);
        break;
    case 4:
        vlapic_raise(&lapic, next());
        break;
    case 5:
        now += next() % 2 ? next() : next_word() >> 24;
        vlapic_tick(&lapic, now);
        require(vlapic_deadline(&lapic) > now);
        break;
    default:
        (void)take();
        break;
    }
    settle();
}

// Lets everything in.
static void drain(void) {
    struct vlapic_ipi ipi;
    uint64_t expected[4];
    const bool wide = (lapic.base & 0x400) != 0;
    if (!(lapic.base & 0x800) || !(lapic.spurious & 0x100)) {
        return;
    }
    memcpy(expected, lapic.requested, sizeof(expected));
    for (unsigned i = 0; i < 600; i++) {
        if (wide) {
            require(vlapic_write_msr(&lapic, X2APIC(0x08), 0, now, &ipi));
            require(vlapic_write_msr(&lapic, X2APIC(0x0b), 0, now, &ipi));
        } else {
            vlapic_write_page(&lapic, 0x80, 0, now, &ipi);
            vlapic_write_page(&lapic, 0xb0, 0, now, &ipi);
        }
        settle();
        if (pending != 0) {
            expected[pending / 64] &= ~(UINT64_C(1) << pending % 64);
        }
        (void)take();
    }
    for (unsigned i = 0; i < 4; i++) {
        require(lapic.requested[i] == 0 && lapic.in_service[i] == 0 && expected[i] == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + size;
    pending = 0;
    told = 0;
    number = 0;
    now = 1;
    vlapic_reset(&lapic, next() & 31);
    while (input.at < input.end) {
        step();
    }
    drain();
    return 0;
}
