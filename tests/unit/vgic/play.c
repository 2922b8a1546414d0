#include "tests/unit/vgic/play.h"

#include "tests/unit/vgic/model.h"
#include "tests/unit/vgic/world.h"

#define VCPUS 3

static struct {
    const uint8_t *at, *end;
} input;

static struct model model;
static struct play_count count;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static bool dies(void) { return input.at < input.end && (next() & 7) == 7; }

// Where the registers of an interrupt are: those of 32 from `first` on.
struct bank {
    bool is_shared;
    unsigned vcpu, first;
};

static struct bank next_bank(void) {
    uint8_t which = next() % (VCPUS + VGIC_SPIS / 32);
    if (which < VCPUS) {
        return (struct bank){false, which, 0};
    }
    return (struct bank){true, 0, VGIC_PRIVATE + (which - VCPUS) * 32};
}

static struct model_interrupt *of(struct bank bank, unsigned n) {
    return model_find(&model, bank.vcpu, bank.first + n);
}

static bool is_v2(void) { return model.version == VGIC_V2; }

// The registers of the first interrupt's. Who accesses those that are shared is the same.
static void write(struct bank bank, unsigned offset, uint32_t value) {
    if (is_v2()) {
        world_banked(bank.vcpu, offset + bank.first / 8, 4, value);
    } else if (bank.is_shared) {
        world_distributor(offset + bank.first / 8, 4, value);
    } else {
        world_redistributor(bank.vcpu, 0x10000 + offset, 4, value);
    }
}

static uint32_t read(struct bank bank, unsigned offset) {
    if (is_v2()) {
        return world_read_banked(bank.vcpu, offset + bank.first / 8);
    }
    return bank.is_shared ? world_read(offset + bank.first / 8)
                          : world_read_own(bank.vcpu, 0x10000 + offset);
}

// What the manual leaves open is left out: changes under an interrupt that is under way.
static bool is_idle(const struct model_interrupt *interrupt) {
    return !interrupt->active && !model_is_pending(interrupt);
}

// Of a GICv2 both groups come, and which one it is in matters.
static uint32_t keep_groups(struct bank bank, uint32_t value) {
    for (unsigned n = 0; n < 32; n++) {
        if (is_v2() && !is_idle(of(bank, n))) {
            value = (value & ~(1u << n)) | (uint32_t)of(bank, n)->group << n;
        }
    }
    return value;
}

// Few bits mostly, else all.
static uint32_t next_bits(void) {
    uint8_t what = next();
    uint32_t value = 1u << (what & 31) | 1u << (next() & 31);
    return what >= 0xe0 ? ~value : value;
}

static void write_bits(void) {
    enum { GROUP = 0x80, ENABLE = 0x100, DISABLE = 0x180, PEND = 0x200, UNPEND = 0x280 };
    enum { ACTIVATE = 0x300, DEACTIVATE = 0x380 };
    static const unsigned often[] = {GROUP, ENABLE, ENABLE,   ENABLE,     DISABLE, PEND,
                                     PEND,  UNPEND, ACTIVATE, DEACTIVATE, DISABLE, PEND};
    unsigned offset = often[next() % (sizeof(often) / sizeof(often[0]))];
    struct bank bank = next_bank();
    uint32_t value = next_bits();
    if (offset == GROUP) {
        value |= next_bits() | next_bits() << 3;
        value = keep_groups(bank, value);
    }
    for (unsigned n = 0; n < 32; n++) {
        struct model_interrupt *interrupt = of(bank, n);
        bool one = value >> n & 1;
        bool is_timer = bank.first + n == VGIC_TIMER;
        bool is_fixed = is_v2() && bank.first + n < VGIC_SGIS;
        interrupt->group = offset == GROUP ? one : interrupt->group;
        interrupt->enable = (interrupt->enable || (one && offset == ENABLE)) &&
                            !(one && offset == DISABLE && !is_fixed);
        // Only the timer itself makes its interrupt pending.
        interrupt->latch =
            (interrupt->latch || (one && offset == PEND && !is_timer && !is_fixed)) &&
            !(one && offset == UNPEND);
        if (one && offset == ACTIVATE && !interrupt->active) {
            interrupt->active = true;
            interrupt->holder = MODEL_NOBODY;
        }
        if (one && offset == DEACTIVATE) {
            interrupt->active = false;
        }
    }
    write(bank, offset, value);
}

static void write_priority(void) {
    struct bank bank = next_bank();
    unsigned n = next() & 31;
    uint8_t value = next();
    if (is_idle(of(bank, n))) {
        of(bank, n)->priority = value & 0xf8;
        if (is_v2()) {
            world_banked(bank.vcpu, 0x400 + bank.first + n, 1, value);
        } else if (bank.is_shared) {
            world_distributor(0x400 + bank.first + n, 1, value);
        } else {
            world_redistributor(bank.vcpu, 0x10400 + n, 1, value);
        }
    }
}

static void write_route(void) {
    static const uint32_t routes[] = {0, 1, 2, 1u << 31, 1u << 31, 7, 0x100, 0x010002};
    unsigned spi = next() % VGIC_SPIS;
    uint32_t route = routes[next() % 8];
    if (is_v2()) {
        route &= (1u << VCPUS) - 1;
        if (!model.shared[spi].active) {
            model.shared[spi].route = route;
            world_banked(next() % VCPUS, 0x800 + VGIC_PRIVATE + spi, 1, route);
        }
    } else if (!model.shared[spi].active) {
        model.shared[spi].route = route;
        world_distributor(0x6000 + 8 * (VGIC_PRIVATE + spi), 8, route);
    }
}

static void write_config(void) {
    unsigned spi = next() % VGIC_SPIS;
    struct model_interrupt *interrupt = &model.shared[spi];
    if (is_idle(interrupt) && !interrupt->line && !interrupt->enable) {
        interrupt->edge = !interrupt->edge;
        uint32_t bit = 2u << spi % 16 * 2;
        unsigned offset = 0xc08 + spi / 16 * 4;
        if (is_v2()) {
            world_banked(0, offset, 4, world_read_banked(1, offset) ^ bit);
        } else {
            world_distributor(offset, 4, world_read(offset) ^ bit);
        }
    }
}

static void write_control(void) {
    uint8_t what = next();
    model.enabled[1] = what & 7;
    if (is_v2()) {
        model.enabled[0] = what & 0x70;
        world_banked(0, 0, 4, (uint32_t)model.enabled[1] << 1 | model.enabled[0]);
    } else {
        world_distributor(0, 4, model.enabled[1] ? 2 : 0);
    }
}

static void write_waker(void) {
    unsigned vcpu = next() % VCPUS;
    bool asleep = (next() & 3) == 0;
    for (unsigned intid = 0; intid < VGIC_INTIDS; intid++) {
        struct model_interrupt *interrupt = model_find(&model, vcpu, intid);
        if (interrupt->active && interrupt->holder == vcpu) {
            return;
        }
    }
    if (is_v2()) {
        return;
    }
    model.asleep[vcpu] = asleep;
    world_redistributor(vcpu, 0x14, 4, asleep ? 2 : 0);
}

static void change_line(void) {
    unsigned intid = 16 + next() % (VGIC_INTIDS - 16), vcpu = next() % VCPUS;
    bool level = next() & 1;
    if (intid != VGIC_TIMER) {
        model_line(&model, vcpu, intid, level);
        world_line(intid, vcpu, level);
    }
}

static void send_banked(void) {
    unsigned vcpu = next() % VCPUS, intid = next() & 15;
    uint32_t list = next() & ((1u << VCPUS) - 1), filter = next() & 3;
    for (unsigned n = 0; n < VCPUS; n++) {
        bool is_meant = filter == 0   ? list >> n & 1
                        : filter == 1 ? n != vcpu
                                      : filter == 2 && n == vcpu;
        model.own[n][intid].senders |= is_meant ? 1u << vcpu : 0;
    }
    world_banked(vcpu, 0xf00, 4, filter << 24 | list << 16 | intid);
}

// GICD_SPENDSGIR and GICD_CPENDSGIR.
static void change_senders(void) {
    unsigned vcpu = next() % VCPUS, intid = next() & 15;
    uint32_t senders = next() & ((1u << VCPUS) - 1);
    bool is_set = next() & 1;
    struct model_interrupt *interrupt = &model.own[vcpu][intid];
    interrupt->senders = is_set ? interrupt->senders | senders : interrupt->senders & ~senders;
    world_banked(vcpu, (is_set ? 0xf20 : 0xf10) + intid, 1, senders);
}

static void send_sgi(void) {
    if (is_v2()) {
        uint8_t what = next();
        what & 3 ? send_banked() : change_senders();
        return;
    }
    unsigned vcpu = next() % VCPUS, intid = next() & 15;
    uint32_t list = next();
    bool is_all = (next() & 3) == 0;
    for (unsigned n = 0; n < VCPUS; n++) {
        if (is_all ? n != vcpu : list >> n & 1) {
            model.own[n][intid].latch = true;
        }
    }
    world_sgi(vcpu, (uint64_t)is_all << 40 | (uint64_t)intid << 24 | list);
}

// The timer is set anew only when its interrupt has been taken: what becomes of one that is
// withdrawn is the core's.
static void expire(void) {
    unsigned vcpu = next() % VCPUS;
    bool asserted = next() & 3;
    if (asserted || world.lr[vcpu][VGIC_TIMER].state != VGIC_PENDING) {
        model_line(&model, vcpu, VGIC_TIMER, asserted);
        world_timer(vcpu, asserted);
    }
}

static void acknowledge(void) {
    unsigned vcpu = next() % VCPUS;
    unsigned intid = world_acknowledge(vcpu);
    if (intid == WORLD_SPURIOUS) {
        return;
    }
    count.acknowledged++;
    world_require(model_targets(&model, vcpu, intid) >> vcpu & 1);
    // Nothing that only this vCPU can take has a higher priority.
    for (unsigned n = 0; n < VGIC_INTIDS; n++) {
        if (model_targets(&model, vcpu, n) == 1u << vcpu) {
            world_require(model_find(&model, vcpu, intid)->priority <=
                          model_find(&model, vcpu, n)->priority);
        }
    }
    const unsigned sender = world.lr[vcpu][intid].sender;
    world_require(!is_v2() || intid >= VGIC_SGIS || model.own[vcpu][intid].senders >> sender & 1);
    world_require(world.lr[vcpu][intid].group0 == !model_find(&model, vcpu, intid)->group);
    model_acknowledge(&model, vcpu, intid, sender);
}

static void end(void) {
    unsigned vcpu = next() % VCPUS, first = next() % VGIC_INTIDS;
    for (unsigned n = 0; n < VGIC_INTIDS; n++) {
        unsigned intid = (first + n) % VGIC_INTIDS;
        if (world.lr[vcpu][intid].state & VGIC_ACTIVE) {
            model_end(&model, vcpu, intid);
            world_end(vcpu, intid);
            return;
        }
    }
}

static void compare_bank(struct bank bank) {
    uint32_t pending = read(bank, 0x200), active = read(bank, 0x380);
    uint32_t enable = read(bank, 0x100), group = read(bank, 0x80);
    for (unsigned n = 0; n < 32; n++) {
        const struct model_interrupt *interrupt = of(bank, n);
        unsigned intid = bank.first + n;
        uint32_t allowed = model_targets(&model, bank.vcpu, intid);
        // Of a timer that is not forwarded nobody but the core knows.
        world_require((pending >> n & 1) ==
                      (intid == VGIC_TIMER ? allowed != 0 : model_is_pending(interrupt)));
        world_require((active >> n & 1) == interrupt->active);
        world_require((enable >> n & 1) == interrupt->enable);
        world_require((group >> n & 1) == interrupt->group);
        if (is_v2() && intid < VGIC_SGIS) {
            uint32_t senders = world_read_banked(bank.vcpu, 0xf10 + intid / 4 * 4);
            world_require((senders >> intid % 4 * 8 & 0xff) == interrupt->senders);
        }
        uint32_t given = world_pending(intid);
        if (!bank.is_shared) {
            given &= 1u << bank.vcpu;
        }
        world_require((allowed != 0) == (given != 0));
        world_require((given & ~allowed) == 0 && (given & (given - 1)) == 0);
    }
}

static void compare(void) {
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        compare_bank((struct bank){false, vcpu, 0});
    }
    for (unsigned first = VGIC_PRIVATE; first < VGIC_INTIDS; first += 32) {
        compare_bank((struct bank){true, 0, first});
    }
}

static void begin(enum vgic_version version) {
    model_begin(&model, version, VCPUS);
    count = (struct play_count){0};
    if (is_v2()) {
        world_begin_v2(VCPUS);
        world.dies = next() & 1 ? dies : NULL;
        return;
    }
    world_begin(VCPUS);
    if (next() & 1) {
        return; // as after a reset
    }
    world_start();
    model.enabled[1] = true;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        model.asleep[vcpu] = false;
        for (unsigned intid = 0; intid < VGIC_INTIDS; intid++) {
            model_find(&model, vcpu, intid)->group = true;
        }
    }
    world.dies = next() & 1 ? dies : NULL;
}

struct play_count play(enum vgic_version version, const uint8_t *data, size_t size) {
    static void (*const moves[])(void) = {
        write_bits,  write_bits,  write_bits, write_bits,    write_priority,
        write_route, send_sgi,    send_sgi,   write_control, write_waker,
        change_line, change_line, expire,     acknowledge,   acknowledge,
        acknowledge, end,         end,        end,           write_config};
    input.at = data;
    input.end = data + size;
    begin(version);
    compare();
    while (input.at < input.end) {
        unsigned before = world.outputs;
        moves[next() % (sizeof(moves) / sizeof(moves[0]))]();
        count.taken_back += world.outputs != before && world.last.effect == VGIC_TAKE_BACK;
        compare();
    }
    count.outputs = world.outputs;
    count.deaths = world.deaths;
    return count;
}
