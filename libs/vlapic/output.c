// Priorities (16.6.4), what is delivered, and the end of what was.
#include "libs/vlapic/words.h"

#define CLASS 0xf0u
#define CLASS_SHIFT 4

// INIT turns it off, and nobody can turn it on before STARTUP.
bool vlapic_is_enabled(const struct vlapic *lapic) { return words_is_enabled(lapic); }

uint8_t vlapic_priority(const struct vlapic *lapic) {
    const unsigned in_service = words_highest(lapic->in_service);
    const unsigned task = (unsigned)lapic->priority;
    return (uint8_t)((task & CLASS) >= (in_service & CLASS) ? task : in_service & CLASS);
}

void output_set_priority(struct vlapic *lapic, uint64_t priority) {
    lapic->starts |= (lapic->priority ^ priority) & CLASS ? STARTS_PRIORITY : 0;
    lapic->priority = priority;
}

bool vlapic_write_cr8(struct vlapic *lapic, uint64_t value) {
    if (value > CLASS >> CLASS_SHIFT) {
        return false;
    }
    output_set_priority(lapic, value << CLASS_SHIFT);
    return true;
}

static bool may_interrupt(const struct vlapic *lapic, unsigned vector) {
    return (vector & CLASS) > (vlapic_priority(lapic) & CLASS);
}

void output_end(struct vlapic *lapic) {
    const unsigned vector = words_highest(lapic->in_service);
    if (vector != 0) {
        words_clear(lapic->in_service, vector);
    }
}

void vlapic_accept(struct vlapic *lapic) {
    words_set(lapic->in_service, (unsigned)lapic->given);
    lapic->given = 0;
}

static void done(struct vlapic *lapic, struct vlapic_output *output, enum vlapic_effect effect,
                 unsigned vector) {
    lapic->number++;
    lapic->last = (uint64_t)effect | (uint64_t)vector << 8;
    *output = vlapic_last(lapic);
}

// In this order: an INIT makes everything before it void.
static bool start_next(struct vlapic *lapic, struct vlapic_output *output) {
    static const struct {
        uint32_t bit;
        enum vlapic_effect effect;
    } all[] = {
        {STARTS_INIT, VLAPIC_DO_INIT},
        {STARTS_STARTUP, VLAPIC_DO_STARTUP},
        {STARTS_NMI, VLAPIC_DO_NMI},
        {STARTS_PRIORITY, VLAPIC_DO_PRIORITY},
    };
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (lapic->starts & all[i].bit) {
            unsigned vector = 0; // an INIT has none, though a STARTUP's page may wait behind it
            lapic->starts &= ~(uint64_t)all[i].bit;
            if (all[i].effect == VLAPIC_DO_STARTUP) {
                vector = (unsigned)(lapic->starts >> STARTS_VECTOR_SHIFT);
                lapic->starts &= STARTS_BITS;
            } else if (all[i].effect == VLAPIC_DO_PRIORITY) {
                vector = (unsigned)lapic->priority >> CLASS_SHIFT;
            }
            done(lapic, output, all[i].effect, vector);
            return true;
        }
    }
    return false;
}

bool vlapic_next(struct vlapic *lapic, struct vlapic_output *output) {
    if (lapic->starts > STARTS_WAITING && start_next(lapic, output)) {
        return true;
    }
    const unsigned given = (unsigned)lapic->given;
    const unsigned next = words_is_enabled(lapic) ? words_highest(lapic->requested) : 0;
    const bool is_due = next > given && may_interrupt(lapic, next);
    if (given != 0 && (is_due || !may_interrupt(lapic, given))) {
        words_set(lapic->requested, given);
        lapic->given = 0;
        done(lapic, output, VLAPIC_DO_TAKE_BACK, given);
        return true;
    }
    if (!is_due) {
        return false;
    }
    words_clear(lapic->requested, next);
    lapic->given = next;
    done(lapic, output, VLAPIC_DO_RAISE, next);
    return true;
}

struct vlapic_output vlapic_last(const struct vlapic *lapic) {
    return (struct vlapic_output){
        .effect = (enum vlapic_effect)(lapic->last & 0xff),
        .vector = (uint8_t)(lapic->last >> 8),
        .number = lapic->number,
    };
}
