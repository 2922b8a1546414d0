// A GICv3's frames: the registers of which there is one, and where the others are.
#include "libs/vgic/block.h"

enum distributor_register {
    GICD_CTLR = 0x0000,
    GICD_TYPER = 0x0004,
    GICD_IIDR = 0x0008,
    GICD_IROUTER = 0x6000, // of INTID 0, which has none; 8 bytes each
};

enum redistributor_register {
    GICR_IIDR = 0x0004,
    GICR_TYPER = 0x0008, // 8 bytes
    GICR_WAKER = 0x0014,
    GICR_SGI_FRAME = 0x10000,
};

// GICD_CTLR. EnableGrp0 is not there, and E1NWF neither.
#define CTLR_ENABLE_GROUP1 (1u << 1)
#define CTLR_ARE (1u << 4)
#define CTLR_DS (1u << 6)

// GICD_TYPER: how many INTIDs, in units of 32, less one; and 10 bits of INTID in all.
#define TYPER_LINES (VGIC_INTIDS / 32 - 1)
#define TYPER_ID_BITS (9u << 19)

#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)
#define REDISTRIBUTOR_LAST (1u << 4)

#define ROUTER_MASK 0x80ffffffu // Interrupt_Routing_Mode, Aff2, Aff1, Aff0; Aff3 is always 0

// 0xffd0 to 0xfffc: PIDR4 to PIDR7, PIDR0 to PIDR3, CIDR0 to CIDR3. PIDR2 says GICv3.
#define IDS 0xffd0u
static const uint8_t ids[] = {0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};

static uint64_t read_id(uint64_t offset, unsigned size) {
    return size == 4 && offset % 4 == 0 ? ids[(offset - IDS) / 4] : 0;
}

// A part of SIZE bytes at OFFSET into a register of 64 bits.
static uint64_t part(uint64_t value, uint64_t offset, unsigned size) {
    if (size == 8) {
        return value;
    }
    return size == 4 ? (uint32_t)(value >> offset % 8 * 8) : 0;
}

// The SPI whose GICD_IROUTER is at OFFSET, or VGIC_SPIS.
static unsigned routed(uint64_t offset, unsigned size) {
    uint64_t spi = (offset - GICD_IROUTER) / 8 - VGIC_PRIVATE;
    bool fits = (size == 8 || size == 4) && offset % size == 0 && offset >= GICD_IROUTER;
    return fits && spi < VGIC_SPIS ? (unsigned)spi : VGIC_SPIS;
}

static void write_route(struct vgic *vgic, unsigned spi, uint64_t offset, uint64_t value) {
    const uint64_t *word = &place_state(vgic)->route[spi / 2];
    unsigned shift = spi % 2 * 32;
    if (offset % 8 == 0) { // the upper half holds nothing
        place_set(vgic, word, (*word & ~(0xffffffffull << shift)) | (value & ROUTER_MASK) << shift);
        place_touch(vgic, PLACE_SHARED);
    }
}

static uint64_t read_blocks(const struct vgic *vgic, uint64_t offset, unsigned size) {
    if (offset < BLOCK_END) {
        return block_read(vgic, block_shared(), (unsigned)offset, size);
    }
    unsigned spi = routed(offset, size);
    if (spi < VGIC_SPIS) {
        uint64_t route = place_state(vgic)->route[spi / 2] >> spi % 2 * 32;
        return part((uint32_t)route, offset, size);
    }
    return offset >= IDS && offset < VGIC_DISTRIBUTOR_SIZE ? read_id(offset, size) : 0;
}

uint64_t vgic_distributor_read(const struct vgic *vgic, uint64_t offset, unsigned size) {
    if (__builtin_expect(offset >= 0x80, 0)) {
        return read_blocks(vgic, offset, size);
    }
    if (size != 4) {
        return 0;
    }
    switch (offset) {
    case GICD_CTLR:
        return CTLR_ARE | CTLR_DS | (place_state(vgic)->enabled ? CTLR_ENABLE_GROUP1 : 0);
    case GICD_TYPER:
        return TYPER_LINES | TYPER_ID_BITS;
    case GICD_IIDR:
        return VGIC_IIDR;
    default:
        return 0;
    }
}

void vgic_distributor_write(struct vgic *vgic, uint64_t offset, unsigned size, uint64_t value) {
    if (offset >= 0x80 && offset < BLOCK_END) {
        block_write(vgic, block_shared(), (unsigned)offset, size, value);
    } else if (offset == GICD_CTLR && size == 4) {
        place_set(vgic, &place_state(vgic)->enabled, value & CTLR_ENABLE_GROUP1 ? VGIC_GROUP1 : 0);
        place_touch_all(vgic);
    } else {
        unsigned spi = routed(offset, size);
        if (spi < VGIC_SPIS) {
            write_route(vgic, spi, offset, value);
        }
    }
}

static uint64_t read_own_typer(const struct vgic *vgic, unsigned vcpu) {
    // Affinity_Value, Processor_Number, Last.
    return (uint64_t)vcpu << 32 | vcpu << 8 | (vcpu == vgic->vcpus - 1 ? REDISTRIBUTOR_LAST : 0);
}

static uint64_t read_own(const struct vgic *vgic, unsigned vcpu, uint64_t offset, unsigned size) {
    if (offset >= IDS) {
        return read_id(offset, size);
    }
    if (offset / 8 == GICR_TYPER / 8 && (size == 8 || size == 4) && offset % size == 0) {
        return part(read_own_typer(vgic, vcpu), offset, size);
    }
    if (size != 4) {
        return 0;
    }
    switch (offset) {
    case GICR_IIDR:
        return VGIC_IIDR;
    case GICR_WAKER:
        return place_state(vgic)->asleep >> vcpu & 1 ? WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP
                                                     : 0;
    default: // GICR_CTLR too: without LPIs it holds nothing
        return 0;
    }
}

uint64_t vgic_redistributor_read(const struct vgic *vgic, uint64_t offset, unsigned size) {
    uint64_t vcpu = offset / VGIC_REDISTRIBUTOR_SIZE;
    uint64_t inside = offset % VGIC_REDISTRIBUTOR_SIZE;
    if (vcpu >= vgic->vcpus) {
        return 0;
    }
    if (inside < GICR_SGI_FRAME) {
        return read_own(vgic, (unsigned)vcpu, inside, size);
    }
    inside -= GICR_SGI_FRAME;
    return inside < BLOCK_END
               ? block_read(vgic, block_private((unsigned)vcpu), (unsigned)inside, size)
               : 0;
}

void vgic_redistributor_write(struct vgic *vgic, uint64_t offset, unsigned size, uint64_t value) {
    uint64_t vcpu = offset / VGIC_REDISTRIBUTOR_SIZE;
    uint64_t inside = offset % VGIC_REDISTRIBUTOR_SIZE;
    if (vcpu >= vgic->vcpus) {
        return;
    }
    if (inside == GICR_WAKER && size == 4) {
        uint64_t asleep = place_state(vgic)->asleep & ~(1ull << vcpu);
        place_set(vgic, &place_state(vgic)->asleep,
                  asleep | (uint64_t)((value & WAKER_PROCESSOR_SLEEP) != 0) << vcpu);
        place_touch(vgic, place_of((unsigned)vcpu, 0));
        place_touch(vgic, PLACE_SHARED);
    } else if (inside >= GICR_SGI_FRAME && inside - GICR_SGI_FRAME < BLOCK_END) {
        block_write(vgic, block_private((unsigned)vcpu), (unsigned)(inside - GICR_SGI_FRAME), size,
                    value);
    }
}
