// The registers that hold some bits of each interrupt, which lie alike in a GICv3's distributor,
// for SPIs, and in each redistributor's SGI frame (Arm IHI 0069, chapters 12.9 and 12.11), and in a
// GICv2's distributor, for all (Arm IHI 0048, chapter 4.3).
#pragma once

#include "libs/vgic/place.h"

#define BLOCK_END 0x1000u // of the offsets at which they are

// An access of SIZE bytes at OFFSET, which is below BLOCK_END, to the registers of the interrupts
// from INTID `first` to `end` - 1; that of `first` has the place PLACE. All else reads as zero and
// ignores writes.
struct block_range {
    unsigned first, end;
    unsigned place;
};

// The shared interrupts, and a vCPU's private ones.
static inline struct block_range block_shared(void) {
    return (struct block_range){VGIC_PRIVATE, VGIC_INTIDS, PLACE_SHARED};
}
static inline struct block_range block_private(unsigned vcpu) {
    return (struct block_range){0, VGIC_PRIVATE, place_of(vcpu, 0)};
}

uint64_t block_read(const struct vgic *vgic, struct block_range range, unsigned offset,
                    unsigned size);
void block_write(struct vgic *vgic, struct block_range range, unsigned offset, unsigned size,
                 uint64_t value);
