// What is due: interrupts to give to list registers, or to take back.
#include "libs/vgic/interrupt.h"

#define PRIVATE_WORDS (PLACE_SHARED / 64) // of two vCPUs each

// Those of the 64 places in word W that may be forwarded: SPIs to whichever vCPU that is.
static uint64_t forwarded(const struct vgic_state *state, unsigned w) {
    uint64_t may = state->enable.word[w] & state->group.word[w] & ~state->active.word[w];
    if (w < PRIVATE_WORDS) {
        uint64_t asleep = state->asleep >> 2 * w;
        may &= (asleep & 1 ? 0 : 0xffffffffull) | (asleep & 2 ? 0 : 0xffffffffull << 32);
    }
    return state->enabled ? may : 0;
}

// Those that are pending here and are to be given.
static uint64_t to_give(const struct vgic_state *state, unsigned w) {
    uint64_t edge = state->edge.word[w];
    uint64_t latch = state->latch.word[w];
    uint64_t level = ~edge & ~state->given.word[w] & (latch | state->line.word[w]);
    return ((edge & latch) | level) & forwarded(state, w);
}

// Those that were given and must not be pending in any list register.
static uint64_t to_take(const struct vgic_state *state, unsigned w) {
    uint64_t pending = state->moved.word[w] | (state->line.word[w] & ~state->edge.word[w]);
    return state->given.word[w] & ~(forwarded(state, w) & pending);
}

// Whether an SPI was given to one vCPU and is another's now. One that is active stays where it is.
static bool has_strayed(const struct vgic *vgic, unsigned place) {
    return interrupt_target(vgic, place) != place_holder(vgic, place) &&
           !(interrupt_look(vgic, place) & VGIC_ACTIVE);
}

static void fill(struct vgic *vgic, struct vgic_output *output, enum vgic_effect effect,
                 unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    place_set(vgic, &state->number, state->number + 1);
    *output = (struct vgic_output){
        .effect = effect,
        .intid = (uint8_t)place_intid(place),
        .priority = place_byte(state->priority, place),
        .vcpus = (uint16_t)(1u << place_holder(vgic, place)),
        .number = state->number,
    };
}

// Takes PLACE back. False: the list register did not hold it pending.
static bool take_back(struct vgic *vgic, unsigned place, struct vgic_output *output) {
    const struct vgic_state *state = place_state(vgic);
    unsigned held = interrupt_look(vgic, place);
    if (held & VGIC_PENDING) {
        fill(vgic, output, VGIC_TAKE_BACK, place);
        if (place_test(&state->moved, place)) {
            place_put(vgic, &state->latch, place, true);
        }
    }
    place_put(vgic, &state->moved, place, false);
    if (!(held & VGIC_ACTIVE)) {
        interrupt_forget(vgic, place);
    }
    return held & VGIC_PENDING;
}

static bool deactivate(struct vgic *vgic, unsigned place, struct vgic_output *output) {
    unsigned held = interrupt_look(vgic, place);
    place_put(vgic, &place_state(vgic)->drop, place, false);
    if (!(held & VGIC_ACTIVE)) {
        return false;
    }
    fill(vgic, output, VGIC_DEACTIVATE, place);
    if (!(held & VGIC_PENDING)) {
        interrupt_forget(vgic, place);
    }
    return true;
}

static bool next_taken(struct vgic *vgic, unsigned w, struct vgic_output *output) {
    for (uint64_t rest = place_state(vgic)->drop.word[w]; rest; rest &= rest - 1) {
        if (deactivate(vgic, w * 64 + (unsigned)__builtin_ctzll(rest), output)) {
            return true;
        }
    }
    uint64_t wrong = to_take(place_state(vgic), w);
    uint64_t rest = w < PRIVATE_WORDS ? wrong : place_state(vgic)->given.word[w];
    for (; rest; rest &= rest - 1) {
        unsigned place = w * 64 + (unsigned)__builtin_ctzll(rest);
        if ((wrong & rest & -rest || has_strayed(vgic, place)) && take_back(vgic, place, output)) {
            return true;
        }
    }
    return false;
}

struct choice {
    unsigned place;
    unsigned priority;
    unsigned count; // of those that could be given
};

// The interrupt of the highest priority in word W, if it is higher than CHOICE's.
static void choose(const struct vgic *vgic, unsigned w, struct choice *choice) {
    const struct vgic_state *state = place_state(vgic);
    for (uint64_t rest = to_give(state, w); rest; rest &= rest - 1) {
        unsigned place = w * 64 + (unsigned)__builtin_ctzll(rest);
        if (place_is_shared(place) && interrupt_target(vgic, place) == INTERRUPT_NOBODY) {
            continue;
        }
        unsigned priority = place_byte(state->priority, place);
        choice->count++;
        if (priority < choice->priority) {
            choice->place = place;
            choice->priority = priority;
        }
    }
}

static void move(struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    bool latched = place_test(&state->latch, place);
    place_put(vgic, &state->moved, place, latched);
    place_put(vgic, &state->latch, place, false);
    place_put(vgic, &state->given, place, true);
}

static void give_shared(struct vgic *vgic, unsigned place) {
    // Not to two vCPUs at once: one that has it active gets it pending, too.
    if (interrupt_look(vgic, place) == 0) {
        place_put_byte(vgic, place_state(vgic)->holder, place - PLACE_SHARED,
                       (uint8_t)interrupt_target(vgic, place));
    }
    move(vgic, place);
}

// An interrupt that is each vCPU's own goes to all of them at once that have it pending with the
// same priority: that is what an SGI to many is. Returns how many; they are *VCPUS.
static unsigned give_private(struct vgic *vgic, const struct choice *choice, uint32_t *vcpus) {
    const struct vgic_state *state = place_state(vgic);
    unsigned intid = place_intid(choice->place);
    unsigned count = 0;
    if (choice->count == 1) { // most are alone
        move(vgic, choice->place);
        *vcpus = 1u << choice->place / VGIC_PRIVATE;
        return 1;
    }
    for (unsigned due = vgic->due & ((1u << PRIVATE_WORDS) - 1); due; due &= due - 1) {
        unsigned w = (unsigned)__builtin_ctz(due);
        uint64_t same = to_give(state, w) & (1ull << intid | 1ull << intid << VGIC_PRIVATE);
        for (; same; same &= same - 1) {
            unsigned place = w * 64 + (unsigned)__builtin_ctzll(same);
            if (place_byte(state->priority, place) == choice->priority) {
                move(vgic, place);
                *vcpus |= 1u << place / VGIC_PRIVATE;
                count++;
            }
        }
    }
    return count;
}

static void give(struct vgic *vgic, const struct choice *choice, struct vgic_output *output) {
    unsigned place = choice->place;
    unsigned count = 1;
    uint32_t vcpus = 0;
    if (place_is_shared(place)) {
        give_shared(vgic, place);
        vcpus = 1u << place_holder(vgic, place);
    } else {
        count = give_private(vgic, choice, &vcpus);
    }
    fill(vgic, output, VGIC_RAISE, place);
    output->vcpus = (uint16_t)vcpus;
    bool more = choice->count > count;
    if (!more) {
        vgic->due = 0;
    }
    // Of a level-sensitive one the end matters, as its line may still be asserted; and so it does
    // where more is waiting.
    output->notify = more || !place_test(&place_state(vgic)->edge, place);
}

bool vgic_next(struct vgic *vgic, struct vgic_output *output) {
    struct choice choice = {.priority = 256};
    for (unsigned due = vgic->due; due; due &= due - 1) {
        if (next_taken(vgic, (unsigned)__builtin_ctz(due), output)) {
            return true;
        }
    }
    for (unsigned due = vgic->due; due; due &= due - 1) {
        choose(vgic, (unsigned)__builtin_ctz(due), &choice);
    }
    if (choice.count == 0) {
        vgic->due = 0;
        return false;
    }
    give(vgic, &choice, output);
    return true;
}
