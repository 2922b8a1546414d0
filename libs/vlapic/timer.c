// The timer (16.4.1): it counts the time stamp counter, divided, in two modes; in the third it
// waits for a value of that.
#include "libs/vlapic/words.h"

enum { ONE_SHOT, PERIODIC, DEADLINE };
#define MODE 3u

static unsigned mode_of(uint64_t lvt) { return (unsigned)(lvt >> LVT_MODE_SHIFT & MODE); }

// DCR has its three bits at 0, 1 and 3: 2, 4, … 128, 1.
static unsigned divider_shift(const struct vlapic *lapic) {
    const unsigned bits = (lapic->divider & 3) | (lapic->divider >> 1 & 4);
    return (bits + 1) & 7;
}

static uint64_t period(const struct vlapic *lapic) {
    return lapic->initial << divider_shift(lapic);
}

uint32_t timer_count(const struct vlapic *lapic, uint64_t now) {
    if (lapic->expiry == VLAPIC_NEVER || mode_of(lapic->lvt[VLAPIC_TIMER]) == DEADLINE ||
        lapic->expiry <= now) {
        return 0;
    }
    const uint64_t left = (lapic->expiry - now) >> divider_shift(lapic);
    return (uint32_t)(left < lapic->initial ? left : lapic->initial);
}

void timer_set_count(struct vlapic *lapic, uint32_t count, uint64_t now) {
    if (mode_of(lapic->lvt[VLAPIC_TIMER]) == DEADLINE) {
        return;
    }
    lapic->initial = count;
    lapic->expiry = count != 0 ? now + period(lapic) : VLAPIC_NEVER;
}

// What was to be counted yet is counted by the new divider.
void timer_set_divider(struct vlapic *lapic, uint32_t divider, uint64_t now) {
    const uint64_t left = timer_count(lapic, now);
    lapic->divider = divider & 0xb;
    if (left != 0) {
        lapic->expiry = now + (left << divider_shift(lapic));
    }
}

void timer_set_deadline(struct vlapic *lapic, uint64_t deadline) {
    if (mode_of(lapic->lvt[VLAPIC_TIMER]) == DEADLINE) {
        lapic->expiry = deadline != 0 ? deadline : VLAPIC_NEVER;
    }
}

#define LVT_MODE(mode) ((uint64_t)(mode) << LVT_MODE_SHIFT)

uint64_t vlapic_deadline_only(const struct vlapic *lapic, uint64_t value, uint64_t now) {
    const uint64_t lvt = lapic->lvt[VLAPIC_TIMER] & (LVT_MODE(MODE) | LVT_MASKED);
    if (lvt != LVT_MODE(DEADLINE) || lapic->expiry <= now || !words_is_enabled(lapic)) {
        return 0;
    }
    return value != 0 ? value : VLAPIC_NEVER;
}

// Where the mode, which is bits of the base's MSR, is MODE.
static inline uint64_t count_only(const struct vlapic *lapic, uint64_t mode, uint64_t value,
                                  uint64_t now) {
    const uint64_t lvt = lapic->lvt[VLAPIC_TIMER] & (LVT_MODE(DEADLINE) | LVT_MASKED);
    const uint64_t other = (lapic->base ^ mode) & (BASE_ENABLED | BASE_X2APIC);
    if (lvt || other || lapic->expiry <= now || !(lapic->spurious & SPURIOUS_ENABLED) ||
        value > UINT32_MAX) {
        return 0;
    }
    return value != 0 ? now + (value << divider_shift(lapic)) : VLAPIC_NEVER;
}

uint64_t vlapic_count_only(const struct vlapic *lapic, uint64_t value, uint64_t now) {
    return count_only(lapic, BASE_ENABLED | BASE_X2APIC, value, now);
}

uint64_t vlapic_page_count_only(const struct vlapic *lapic, uint64_t value, uint64_t now) {
    return count_only(lapic, BASE_ENABLED, value, now);
}

uint64_t timer_get_deadline(const struct vlapic *lapic) {
    const bool is_set =
        mode_of(lapic->lvt[VLAPIC_TIMER]) == DEADLINE && lapic->expiry != VLAPIC_NEVER;
    return is_set ? lapic->expiry : 0;
}

// Between counting and waiting for a deadline nothing is kept.
void timer_set_mode(struct vlapic *lapic, uint64_t lvt) {
    const unsigned before = mode_of(lapic->lvt[VLAPIC_TIMER]);
    lapic->lvt[VLAPIC_TIMER] = lvt;
    if ((before == DEADLINE) != (mode_of(lvt) == DEADLINE)) {
        lapic->expiry = VLAPIC_NEVER;
        lapic->initial = 0;
    }
}

// Of periods that have passed unnoticed all but the last are lost, as the interrupt is pending
// already.
void vlapic_tick(struct vlapic *lapic, uint64_t now) {
    if (lapic->expiry > now) {
        return;
    }
    const uint64_t lvt = lapic->lvt[VLAPIC_TIMER];
    const uint64_t every = period(lapic);
    if (mode_of(lvt) == PERIODIC && every != 0) {
        lapic->expiry += ((now - lapic->expiry) / every + 1) * every;
    } else {
        lapic->expiry = VLAPIC_NEVER;
    }
    if (!(lvt & LVT_MASKED)) {
        vlapic_raise(lapic, (uint8_t)(lvt & LVT_VECTOR));
    }
}

// The counter goes on when nobody hears of it, and needs no waking for that.
uint64_t vlapic_deadline(const struct vlapic *lapic) {
    return lapic->lvt[VLAPIC_TIMER] & LVT_MASKED || !words_is_enabled(lapic) ? VLAPIC_NEVER
                                                                             : lapic->expiry;
}
