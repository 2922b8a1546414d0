// What is due: interrupts to give to list registers, or to take back.
#include "libs/vgic/interrupt.h"
#include "libs/vgic/sgi.h"

#define PRIVATE_WORDS (PLACE_SHARED / 64) // of two vCPUs each

// Those of the 64 places in word W that may be forwarded: SPIs to whichever vCPU that is.
static uint64_t forwarded(const struct vgic_state *state, unsigned w) {
    uint64_t group = state->group.word[w];
    uint64_t may =
        (state->enabled & VGIC_GROUP1 ? group : 0) | (state->enabled & VGIC_GROUP0 ? ~group : 0);
    may &= state->enable.word[w] & ~state->active.word[w];
    if (w < PRIVATE_WORDS) {
        uint64_t asleep = state->asleep >> 2 * w;
        may &= (asleep & 1 ? 0 : 0xffffffffull) | (asleep & 2 ? 0 : 0xffffffffull << 32);
    }
    return may;
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

// What OUTPUT is as a word, and from that again. Its number is the state's, if it is the last.
static uint64_t packed(const struct vgic_output *output) {
    return (uint64_t)output->effect | (uint64_t)output->notify << 8 |
           (uint64_t)output->group0 << 9 | (uint64_t)output->intid << 16 |
           (uint64_t)output->priority << 24 | (uint64_t)output->vcpus << 32 |
           (uint64_t)output->sender << 48;
}

struct vgic_output vgic_last(const struct vgic *vgic) {
    const struct vgic_state *state = place_state(vgic);
    return (struct vgic_output){
        .effect = (enum vgic_effect)(state->last & 0xff),
        .notify = state->last >> 8 & 1,
        .intid = (uint8_t)(state->last >> 16),
        .priority = (uint8_t)(state->last >> 24),
        .vcpus = (uint16_t)(state->last >> 32),
        .group0 = state->last >> 9 & 1,
        .sender = (uint8_t)(state->last >> 48),
        .number = state->number,
    };
}

static void fill(struct vgic *vgic, struct vgic_output *output, enum vgic_effect effect,
                 unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    *output = (struct vgic_output){
        .effect = effect,
        .intid = (uint8_t)place_intid(place),
        .priority = place_byte(state->priority, place),
        .vcpus = (uint16_t)(1u << place_holder(vgic, place)),
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
            sgi_take_back(vgic, place);
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

// Beside the priority, whose low bits are 0.
#define TIMER_FORWARDED 1u
#define TIMER_GROUP0 2u

static bool is_group0(const struct vgic_state *state, unsigned place) {
    return !place_test(&state->group, place);
}

// The core raises the timers' interrupts, so it has to know whether and how.
static bool next_timer(struct vgic *vgic, unsigned w, struct vgic_output *output) {
    const struct vgic_state *state = place_state(vgic);
    for (unsigned vcpu = 2 * w; vcpu < 2 * w + 2 && vcpu < vgic->vcpus; vcpu++) {
        unsigned place = place_of(vcpu, VGIC_TIMER);
        bool forwards = forwarded(state, w) >> place % 64 & 1;
        unsigned how = TIMER_FORWARDED | (is_group0(state, place) ? TIMER_GROUP0 : 0);
        uint8_t timer = forwards ? (uint8_t)(place_byte(state->priority, place) | how) : 0;
        if (timer != place_byte(state->timer, vcpu)) {
            place_put_byte(vgic, state->timer, vcpu, timer);
            fill(vgic, output, VGIC_SET_TIMER, place);
            output->intid = forwards ? VGIC_TIMER : 0;
            output->priority = forwards ? output->priority : 0;
            output->group0 = timer & TIMER_GROUP0;
            return true;
        }
    }
    return false;
}

static void move(struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    bool latched = place_test(&state->latch, place);
    place_put(vgic, &state->moved, place, latched);
    place_put(vgic, &state->latch, place, false);
    place_put(vgic, &state->given, place, true);
    sgi_give(vgic, place);
}

static bool give_shared(struct vgic *vgic, unsigned place) {
    unsigned target = interrupt_target(vgic, place);
    if (target == INTERRUPT_NOBODY) {
        return false;
    }
    // Not to two vCPUs at once: one that has it active gets it pending, too.
    if (interrupt_look(vgic, place) == 0) {
        place_put_byte(vgic, place_state(vgic)->holder, place - PLACE_SHARED, (uint8_t)target);
    }
    move(vgic, place);
    return true;
}

// Whether one output can tell of both, each a vCPU's own and pending.
static bool are_alike(const struct vgic *vgic, unsigned place, unsigned other) {
    const struct vgic_state *state = place_state(vgic);
    return place_byte(state->priority, place) == place_byte(state->priority, other) &&
           is_group0(state, place) == is_group0(state, other) &&
           sgi_sender(vgic, place) == sgi_sender(vgic, other);
}

// An interrupt that is each vCPU's own goes to all of them at once that have the like pending: that
// is what an SGI to many is. Fills in which and from whom; PLACE is the first one's.
static void give_private(struct vgic *vgic, unsigned place, struct vgic_output *output) {
    const struct vgic_state *state = place_state(vgic);
    unsigned intid = place_intid(place);
    uint32_t alike = 0;
    for (unsigned due = vgic->due & ((1u << PRIVATE_WORDS) - 1); due; due &= due - 1) {
        unsigned w = (unsigned)__builtin_ctz(due);
        uint64_t same = to_give(state, w) & (1ull << intid | 1ull << intid << VGIC_PRIVATE);
        for (; same; same &= same - 1) {
            unsigned other = w * 64 + (unsigned)__builtin_ctzll(same);
            alike |= are_alike(vgic, place, other) ? 1u << other / VGIC_PRIVATE : 0;
        }
    }
    output->vcpus = (uint16_t)alike;
    output->sender = (uint8_t)sgi_sender(vgic, place);
    for (; alike; alike &= alike - 1) {
        move(vgic, place_of((unsigned)__builtin_ctz(alike), intid));
    }
}

static bool next_given(struct vgic *vgic, unsigned w, struct vgic_output *output) {
    const struct vgic_state *state = place_state(vgic);
    for (uint64_t rest = to_give(state, w); rest; rest &= rest - 1) {
        unsigned place = w * 64 + (unsigned)__builtin_ctzll(rest);
        if (place_is_shared(place) && !give_shared(vgic, place)) {
            continue;
        }
        fill(vgic, output, VGIC_RAISE, place);
        if (!place_is_shared(place)) {
            give_private(vgic, place, output);
        }
        output->group0 = is_group0(state, place);
        // Of a level-sensitive one the end matters, as its line may still be asserted.
        output->notify = !place_test(&state->edge, place);
        return true;
    }
    return false;
}

bool vgic_next(struct vgic *vgic, struct vgic_output *output) {
    const struct vgic_state *state = place_state(vgic);
    for (; vgic->due; vgic->due &= vgic->due - 1) {
        unsigned w = (unsigned)__builtin_ctz(vgic->due);
        if (next_taken(vgic, w, output) || (w < PRIVATE_WORDS && next_timer(vgic, w, output)) ||
            next_given(vgic, w, output)) {
            place_set(vgic, &state->number, state->number + 1);
            place_set(vgic, &state->last, packed(output));
            output->number = state->number;
            return true;
        }
    }
    return false;
}
