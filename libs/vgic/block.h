// The registers that hold some bits of each interrupt, which lie alike in the distributor's frame,
// for SPIs, and in each redistributor's SGI frame (Arm IHI 0069, chapters 12.9 and 12.11).
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

uint64_t block_read(const struct vgic *vgic, struct block_range range, unsigned offset,
                    unsigned size);
void block_write(struct vgic *vgic, struct block_range range, unsigned offset, unsigned size,
                 uint64_t value);
