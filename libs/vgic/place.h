// Where an interrupt's bits and bytes are in struct vgic_state, and how they change.
#pragma once

#include "libs/vgic/vgic.h"

// GICD_IIDR, GICR_IIDR: the implementer's product, as there is no number for us: Arm's, and a
// letter, as KVM has one.
#define VGIC_IIDR ((uint32_t)'X' << 24 | 0x43b)

#define PLACE_SHARED (VGIC_VCPUS * VGIC_PRIVATE) // the first SPI's

static inline unsigned place_of(unsigned vcpu, unsigned intid) {
    return intid < VGIC_PRIVATE ? vcpu * VGIC_PRIVATE + intid
                                : PLACE_SHARED + (intid - VGIC_PRIVATE);
}

static inline bool place_is_shared(unsigned place) { return place >= PLACE_SHARED; }

static inline unsigned place_intid(unsigned place) {
    return place_is_shared(place) ? place - PLACE_SHARED + VGIC_PRIVATE : place % VGIC_PRIVATE;
}

static inline bool place_is_timer(unsigned place) { return place_intid(place) == VGIC_TIMER; }

// The state with the changes that are not committed yet.
static inline struct vgic_state *place_state(const struct vgic *vgic) {
    return (void *)(vgic->state->spare + vgic->at);
}

// Every change of the state goes through here: WORD, inside of place_state, becomes VALUE.
static inline void place_set(struct vgic *vgic, const uint64_t *word, uint64_t value) {
    struct state *state = vgic->state;
    if (*word != value) {
        size_t offset = (size_t)((const uint8_t *)word - state->spare);
        state_set(state, (const uint64_t *)(const void *)(state->current + offset), value);
    }
}

// An output may be due at PLACE, or anywhere.
static inline void place_touch(struct vgic *vgic, unsigned place) { vgic->due |= 1u << place / 64; }
static inline void place_touch_all(struct vgic *vgic) { vgic->due = (1u << VGIC_WORDS) - 1; }

static inline bool place_test(const struct vgic_bits *bits, unsigned place) {
    return bits->word[place / 64] >> place % 64 & 1;
}

static inline void place_put(struct vgic *vgic, const struct vgic_bits *bits, unsigned place,
                             bool value) {
    const uint64_t *word = &bits->word[place / 64];
    uint64_t bit = 1ull << place % 64;
    place_set(vgic, word, value ? *word | bit : *word & ~bit);
}

// The bits of 32 interrupts from FIRST, a multiple of 32, on.
static inline uint32_t place_test32(const struct vgic_bits *bits, unsigned first) {
    return (uint32_t)(bits->word[first / 64] >> first % 64);
}

static inline void place_put32(struct vgic *vgic, const struct vgic_bits *bits, unsigned first,
                               uint32_t value) {
    const uint64_t *word = &bits->word[first / 64];
    unsigned shift = first % 64;
    place_set(vgic, word, (*word & ~(0xffffffffull << shift)) | (uint64_t)value << shift);
    place_touch(vgic, first);
}

// Bytes in arrays of words.
static inline uint8_t place_byte(const uint64_t *words, unsigned index) {
    return (uint8_t)(words[index / 8] >> index % 8 * 8);
}

static inline void place_put_byte(struct vgic *vgic, const uint64_t *words, unsigned index,
                                  uint8_t value) {
    const uint64_t *word = &words[index / 8];
    unsigned shift = index % 8 * 8;
    place_set(vgic, word, (*word & ~(0xffull << shift)) | (uint64_t)value << shift);
}

// The vCPU whose list registers PLACE was last given to.
static inline unsigned place_holder(const struct vgic *vgic, unsigned place) {
    return place_is_shared(place) ? place_byte(place_state(vgic)->holder, place - PLACE_SHARED)
                                  : place / VGIC_PRIVATE;
}
