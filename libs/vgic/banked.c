// A GICv2's distributor: what of it is not as in block.h, or not in that place. (Sections are those
// of Arm IHI 0048B.)
#include "libs/vgic/block.h"
#include "libs/vgic/interrupt.h"
#include "libs/vgic/sgi.h"

enum banked_register {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_ICENABLER0 = 0x180,
    GICD_ISPENDR0 = 0x200,
    GICD_ICPENDR0 = 0x280,
    GICD_ITARGETSR = 0x800, // a byte each
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10, // a byte each of the SGIs
    GICD_SPENDSGIR = 0xf20,
    GICD_SPENDSGIR_END = 0xf30,
};

// GICD_CTLR.
#define CTLR_ENABLE_GROUP0 (1u << 0)
#define CTLR_ENABLE_GROUP1 (1u << 1)

// GICD_TYPER: how many INTIDs, in units of 32, less one; and CPUs, less one.
#define TYPER_LINES (VGIC_INTIDS / 32 - 1)
#define TYPER_CPUS(vcpus) (((vcpus) - 1) << 5)

// 0xfd0 to 0xffc: ICPIDR4 to 7, ICPIDR0 to 3, ICCIDR0 to 3. ICPIDR2 says GICv2.
#define IDS 0xfd0u
static const uint8_t ids[] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1};

#define SGI_BITS ((1u << VGIC_SGIS) - 1)

static uint32_t all(const struct vgic *vgic) { return (1u << vgic->vcpus) - 1; }

// One byte of the registers that have one for each interrupt.

// 4.3.12: of a private interrupt it says who asks; one CPU alone has no such registers.
static uint8_t read_targets(const struct vgic *vgic, unsigned vcpu, unsigned intid) {
    if (vgic->vcpus == 1 || intid >= VGIC_INTIDS) {
        return 0;
    }
    return intid < VGIC_PRIVATE ? (uint8_t)(1u << vcpu)
                                : place_byte(place_state(vgic)->targets, intid - VGIC_PRIVATE);
}

static void write_targets(struct vgic *vgic, unsigned vcpu, unsigned intid, uint8_t value) {
    (void)vcpu;
    if (vgic->vcpus > 1 && intid >= VGIC_PRIVATE && intid < VGIC_INTIDS) {
        place_put_byte(vgic, place_state(vgic)->targets, intid - VGIC_PRIVATE,
                       (uint8_t)(value & all(vgic)));
        place_touch(vgic, place_of(0, intid));
    }
}

static uint8_t read_senders(const struct vgic *vgic, unsigned vcpu, unsigned intid) {
    return (uint8_t)sgi_pending(vgic, place_of(vcpu, intid));
}

static void withdraw(struct vgic *vgic, unsigned vcpu, unsigned intid, uint8_t value) {
    sgi_withdraw(vgic, place_of(vcpu, intid), value);
}

static void send(struct vgic *vgic, unsigned vcpu, unsigned intid, uint8_t value) {
    sgi_send(vgic, place_of(vcpu, intid), value & all(vgic));
}

static const struct bytes {
    unsigned at, end;
    uint8_t (*read)(const struct vgic *vgic, unsigned vcpu, unsigned intid);
    void (*write)(struct vgic *vgic, unsigned vcpu, unsigned intid, uint8_t value);
} bytes[] = {
    {GICD_ITARGETSR, GICD_ICFGR, read_targets, write_targets},
    {GICD_CPENDSGIR, GICD_SPENDSGIR, read_senders, withdraw},
    {GICD_SPENDSGIR, GICD_SPENDSGIR_END, read_senders, send},
};

// The bytes that an access is to; NULL: none of those.
static const struct bytes *find_bytes(uint64_t offset, unsigned size) {
    for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        if (offset >= bytes[i].at && offset < bytes[i].end) {
            return (size == 1 || size == 4) && offset % size == 0 ? &bytes[i] : NULL;
        }
    }
    return NULL;
}

static uint64_t read_one(const struct vgic *vgic, uint64_t offset) {
    uint64_t enabled = place_state(vgic)->enabled;
    switch (offset) {
    case GICD_CTLR:
        return (enabled & VGIC_GROUP0 ? CTLR_ENABLE_GROUP0 : 0) |
               (enabled & VGIC_GROUP1 ? CTLR_ENABLE_GROUP1 : 0);
    case GICD_TYPER:
        return TYPER_LINES | TYPER_CPUS(vgic->vcpus);
    case GICD_IIDR:
        return VGIC_IIDR;
    default:
        return offset >= IDS && offset % 4 == 0 ? ids[(offset - IDS) / 4] : 0;
    }
}

uint64_t vgic_banked_read(const struct vgic *vgic, unsigned vcpu, uint64_t offset, unsigned size) {
    const struct bytes *row = find_bytes(offset, size);
    uint64_t value = 0;
    if (vcpu >= vgic->vcpus || offset >= BLOCK_END) {
        return 0;
    }
    if (row) {
        for (unsigned n = 0; n < size; n++) {
            unsigned intid = (unsigned)offset - row->at + n;
            value |= (uint64_t)row->read(vgic, vcpu, intid) << n * 8;
        }
        return value;
    }
    value = size == 4 ? read_one(vgic, offset) : 0;
    // An interrupt is in one of both, if there is one.
    return value | block_read(vgic, block_private(vcpu), (unsigned)offset, size) |
           block_read(vgic, block_shared(), (unsigned)offset, size);
}

// 4.3.15: vCPU sends.
static void write_sgi(struct vgic *vgic, unsigned vcpu, uint32_t value) {
    enum { LISTED, OTHERS, SELF, NOBODY } filter = value >> 24 & 3;
    const uint32_t self = 1u << vcpu;
    const uint32_t to[] = {
        [LISTED] = value >> 16 & 0xff, [OTHERS] = ~self, [SELF] = self, [NOBODY] = 0};
    for (uint32_t rest = to[filter] & all(vgic); rest; rest &= rest - 1) {
        sgi_send(vgic, place_of((unsigned)__builtin_ctz(rest), value & (VGIC_SGIS - 1)), self);
    }
}

static void write_control(struct vgic *vgic, uint32_t value) {
    place_set(vgic, &place_state(vgic)->enabled,
              (value & CTLR_ENABLE_GROUP0 ? VGIC_GROUP0 : 0u) |
                  (value & CTLR_ENABLE_GROUP1 ? VGIC_GROUP1 : 0u));
    place_touch_all(vgic);
}

// SGIs are always enabled, and pending by what is sent alone (4.3.5 to 4.3.8).
static uint64_t changeable(uint64_t offset, uint64_t value) {
    bool is_fixed = offset == GICD_ICENABLER0 || offset == GICD_ISPENDR0 || offset == GICD_ICPENDR0;
    return is_fixed ? value & ~(uint64_t)SGI_BITS : value;
}

void vgic_banked_write(struct vgic *vgic, unsigned vcpu, uint64_t offset, unsigned size,
                       uint64_t value) {
    const struct bytes *row = find_bytes(offset, size);
    if (vcpu >= vgic->vcpus || offset >= BLOCK_END) {
        return;
    }
    if (row) {
        for (unsigned n = 0; n < size; n++) {
            row->write(vgic, vcpu, (unsigned)offset - row->at + n, (uint8_t)(value >> n * 8));
        }
    } else if (offset == GICD_CTLR && size == 4) {
        write_control(vgic, (uint32_t)value);
    } else if (offset == GICD_SGIR && size == 4) {
        write_sgi(vgic, vcpu, (uint32_t)value);
    } else {
        block_write(vgic, block_private(vcpu), (unsigned)offset, size, changeable(offset, value));
        block_write(vgic, block_shared(), (unsigned)offset, size, value);
    }
}
