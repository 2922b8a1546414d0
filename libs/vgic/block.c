#include "libs/vgic/block.h"

#include <stddef.h>

#include "libs/vgic/interrupt.h"

#define PRIORITY_BITS 0xf8u // five of them are there
#define SGI_CONFIG 0xaaaaaaaau

// One bit each: those of 32 interrupts from PLACE on.

static uint32_t read_group(const struct vgic *vgic, unsigned place) {
    return place_test32(&place_state(vgic)->group, place);
}

static void write_group(struct vgic *vgic, unsigned place, uint32_t value) {
    place_put32(vgic, &place_state(vgic)->group, place, value);
}

static uint32_t read_enable(const struct vgic *vgic, unsigned place) {
    return place_test32(&place_state(vgic)->enable, place);
}

static void set_enable(struct vgic *vgic, unsigned place, uint32_t value) {
    place_put32(vgic, &place_state(vgic)->enable, place, read_enable(vgic, place) | value);
}

static void clear_enable(struct vgic *vgic, unsigned place, uint32_t value) {
    place_put32(vgic, &place_state(vgic)->enable, place, read_enable(vgic, place) & ~value);
}

// Of those that may be there: what STATE of theirs the list registers hold.
static uint32_t look(const struct vgic *vgic, unsigned place, unsigned state) {
    uint32_t found = 0;
    uint32_t rest = place_test32(&place_state(vgic)->given, place);
    for (rest |= place_is_shared(place) ? 0 : 1u << VGIC_TIMER; rest; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        found |= interrupt_look(vgic, place + n) & state ? 1u << n : 0;
    }
    return found;
}

static uint32_t read_pending(const struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    return place_test32(&state->latch, place) | look(vgic, place, VGIC_PENDING) |
           (place_test32(&state->line, place) & ~place_test32(&state->edge, place));
}

static uint32_t read_active(const struct vgic *vgic, unsigned place) {
    return place_test32(&place_state(vgic)->active, place) | look(vgic, place, VGIC_ACTIVE);
}

static void for_each(struct vgic *vgic, unsigned place, uint32_t value,
                     void (*change)(struct vgic *vgic, unsigned place)) {
    for (; value; value &= value - 1) {
        change(vgic, place + (unsigned)__builtin_ctz(value));
    }
}

static void set_pending(struct vgic *vgic, unsigned place, uint32_t value) {
    for_each(vgic, place, value, interrupt_set_pending);
}

static void clear_pending(struct vgic *vgic, unsigned place, uint32_t value) {
    for_each(vgic, place, value, interrupt_clear_pending);
}

static void set_active(struct vgic *vgic, unsigned place, uint32_t value) {
    for_each(vgic, place, value, interrupt_set_active);
}

static void clear_active(struct vgic *vgic, unsigned place, uint32_t value) {
    for_each(vgic, place, value, interrupt_clear_active);
}

// Eight bits each: those of 4 interrupts from PLACE on, or of one.

static uint32_t read_priority(const struct vgic *vgic, unsigned place) {
    return (uint32_t)(place_state(vgic)->priority[place / 8] >> place % 8 * 8);
}

static void write_priority(struct vgic *vgic, unsigned place, unsigned size, uint32_t value) {
    for (unsigned n = 0; n < size; n++) {
        place_put_byte(vgic, place_state(vgic)->priority, place + n,
                       (uint8_t)(value >> n * 8 & PRIORITY_BITS));
    }
    place_touch(vgic, place); // the core was told of the timer's
}

// Two bits each: those of 16 interrupts from PLACE on. The upper one says "by edges"; it can be
// changed for SPIs only.

static uint32_t read_config(const struct vgic *vgic, unsigned place) {
    if (!place_is_shared(place)) {
        return place_intid(place) == 0 ? SGI_CONFIG : 0;
    }
    uint32_t config = 0;
    for (unsigned n = 0; n < 16; n++) {
        config |= place_test(&place_state(vgic)->edge, place + n) ? 2u << 2 * n : 0;
    }
    return config;
}

static void write_config(struct vgic *vgic, unsigned place, uint32_t value) {
    if (!place_is_shared(place)) {
        return;
    }
    for (unsigned n = 0; n < 16; n++) {
        place_put(vgic, &place_state(vgic)->edge, place + n, value >> 2 * n & 2);
    }
    place_touch(vgic, place);
}

struct block {
    const char *name;
    unsigned at;   // its first register's offset
    unsigned bits; // of each interrupt
    uint32_t (*read)(const struct vgic *vgic, unsigned place);
    void (*write)(struct vgic *vgic, unsigned place, uint32_t value);
};

// X(name, offset, first and last of the pieces of 0x80 bytes, bits of an interrupt, read, write)
//
// With affinity routing ITARGETSR, SGIR, CPENDSGIR and SPENDSGIR do nothing, and with one security
// state IGRPMODR and NSACR do not: they are not there.
#define BLOCK_LIST(X)                                                                              \
    X(IGROUPR, 0x080, 1, 1, 1, read_group, write_group)                                            \
    X(ISENABLER, 0x100, 2, 2, 1, read_enable, set_enable)                                          \
    X(ICENABLER, 0x180, 3, 3, 1, read_enable, clear_enable)                                        \
    X(ISPENDR, 0x200, 4, 4, 1, read_pending, set_pending)                                          \
    X(ICPENDR, 0x280, 5, 5, 1, read_pending, clear_pending)                                        \
    X(ISACTIVER, 0x300, 6, 6, 1, read_active, set_active)                                          \
    X(ICACTIVER, 0x380, 7, 7, 1, read_active, clear_active)                                        \
    X(IPRIORITYR, 0x400, 8, 15, 8, read_priority, NULL)                                            \
    X(ICFGR, 0xc00, 24, 25, 2, read_config, write_config)

#define BLOCK_ENTRY(name, at, from, to, bits, read, write)                                         \
    [from... to] = {#name, at, bits, read, write},
static const struct block blocks[BLOCK_END / 0x80] = {BLOCK_LIST(BLOCK_ENTRY)};
#undef BLOCK_ENTRY

// The place of the first interrupt that an access is about, or VGIC_PLACES where there is none.
static unsigned find(const struct block *block, struct block_range range, unsigned offset,
                     unsigned size) {
    bool fits = block->read && (size == 4 || (size == 1 && block->bits == 8)) && offset % size == 0;
    if (!fits) {
        return VGIC_PLACES;
    }
    unsigned intid = (offset - block->at) * 8 / block->bits;
    bool is_ours = intid >= range.first && intid < range.end;
    return is_ours ? range.place + (intid - range.first) : VGIC_PLACES;
}

uint64_t block_read(const struct vgic *vgic, struct block_range range, unsigned offset,
                    unsigned size) {
    const struct block *block = &blocks[offset / 0x80];
    unsigned place = find(block, range, offset, size);
    if (place == VGIC_PLACES) {
        return 0;
    }
    uint32_t value = block->read(vgic, place);
    return size == 1 ? (uint8_t)value : value;
}

void block_write(struct vgic *vgic, struct block_range range, unsigned offset, unsigned size,
                 uint64_t value) {
    const struct block *block = &blocks[offset / 0x80];
    unsigned place = find(block, range, offset, size);
    if (place == VGIC_PLACES) {
        return;
    }
    if (block->write) {
        block->write(vgic, place, (uint32_t)value);
    } else {
        write_priority(vgic, place, size, (uint32_t)value);
    }
}
