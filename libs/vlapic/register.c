// The registers (16.3.2; as MSRs, 16.11), by their number: their offset in the page over 16.
#include "libs/vlapic/words.h"

enum {
    REGISTER_ID = 0x02,
    REGISTER_VERSION = 0x03,
    REGISTER_TPR = 0x08,
    REGISTER_PPR = 0x0a,
    REGISTER_EOI = 0x0b,
    REGISTER_LDR = 0x0d,
    REGISTER_DFR = 0x0e,
    REGISTER_SVR = 0x0f,
    REGISTER_ISR = 0x10,
    REGISTER_TMR = 0x18,
    REGISTER_IRR = 0x20,
    REGISTER_ESR = 0x28,
    REGISTER_ICR = 0x30,
    REGISTER_LVT = 0x32,
    REGISTER_INITIAL = 0x38,
    REGISTER_CURRENT = 0x39,
    REGISTER_DCR = 0x3e,
    REGISTER_SELF = 0x3f,
};

#define VERSION (0x14u | (VLAPIC_LVTS - 1) << 16)
#define VECTOR_WORDS 8u // of 32 bits, for 256 vectors
#define SVR_BITS 0x1ffu
#define LVT_BITS 0x107ffu
#define LVT_TIMER_BITS 0x700ffu
#define TIMER_MODE_NONE 3u
#define NARROW_ID_SHIFT 24
#define DFR_FIXED 0x0fffffffu

static uint32_t vector_word(const uint64_t word[4], uint32_t index) {
    return (uint32_t)(word[index / 2] >> index % 2 * 32);
}

// What was given and not taken yet is requested as well.
static uint32_t requested_word(const struct vlapic *lapic, uint32_t index) {
    const bool is_here = lapic->given != 0 && lapic->given / 32 == index;
    return vector_word(lapic->requested, index) | (is_here ? 1u << lapic->given % 32 : 0);
}

static uint64_t logical_id(const struct vlapic *lapic) {
    return words_is_wide(lapic) ? lapic->id >> 4 << 16 | 1u << (lapic->id & 15) : lapic->logical;
}

static bool read_vectors(const struct vlapic *lapic, uint32_t number, uint64_t *value) {
    if (number - REGISTER_ISR < VECTOR_WORDS) {
        *value = vector_word(lapic->in_service, number - REGISTER_ISR);
    } else if (number - REGISTER_TMR < VECTOR_WORDS) {
        *value = 0; // none is level-triggered
    } else if (number - REGISTER_IRR < VECTOR_WORDS) {
        *value = requested_word(lapic, number - REGISTER_IRR);
    } else {
        return false;
    }
    return true;
}

bool register_read(const struct vlapic *lapic, uint32_t number, uint64_t now, uint64_t *value) {
    if (number - REGISTER_LVT < VLAPIC_LVTS) {
        *value = lapic->lvt[number - REGISTER_LVT];
        return true;
    }
    switch (number) {
    case REGISTER_ID:
        *value = words_is_wide(lapic) ? lapic->id : lapic->id << NARROW_ID_SHIFT;
        return true;
    case REGISTER_VERSION:
        *value = VERSION;
        return true;
    case REGISTER_TPR:
        *value = lapic->priority;
        return true;
    case REGISTER_PPR:
        *value = vlapic_priority(lapic);
        return true;
    case REGISTER_LDR:
        *value = logical_id(lapic);
        return true;
    case REGISTER_DFR:
        *value = lapic->format;
        return !words_is_wide(lapic);
    case REGISTER_SVR:
        *value = lapic->spurious;
        return true;
    case REGISTER_ESR:
        *value = (uint32_t)lapic->error;
        return true;
    case REGISTER_ICR:
        *value = lapic->command;
        return true;
    case REGISTER_INITIAL:
        *value = lapic->initial;
        return true;
    case REGISTER_CURRENT:
        *value = timer_count(lapic, now);
        return true;
    case REGISTER_DCR:
        *value = lapic->divider;
        return true;
    default:
        return read_vectors(lapic, number, value);
    }
}

// While it is off all local sources are masked, and what is written to them leaves them so.
static void write_spurious(struct vlapic *lapic, uint64_t value) {
    lapic->spurious = value & SVR_BITS;
    for (unsigned i = 0; i < VLAPIC_LVTS && !words_is_enabled(lapic); i++) {
        lapic->lvt[i] |= LVT_MASKED;
    }
}

static bool write_lvt(struct vlapic *lapic, unsigned which, uint64_t value) {
    const uint64_t masked = words_is_enabled(lapic) ? 0 : LVT_MASKED;
    if (which != VLAPIC_TIMER) {
        lapic->lvt[which] = (value & LVT_BITS) | masked;
        return true;
    }
    if ((value >> LVT_MODE_SHIFT & TIMER_MODE_NONE) == TIMER_MODE_NONE) {
        return false;
    }
    timer_set_mode(lapic, (value & LVT_TIMER_BITS) | masked);
    return true;
}

// The last write shows what was noted before it.
static bool write_error(struct vlapic *lapic, uint64_t value) {
    if (words_is_wide(lapic) && value != 0) {
        return false;
    }
    lapic->error >>= ERROR_NOTED_SHIFT;
    return true;
}

static bool write_end(struct vlapic *lapic, uint64_t value) {
    if (words_is_wide(lapic) && value != 0) {
        return false;
    }
    output_end(lapic);
    return true;
}

// In memory the command's upper half has been written before, by itself.
static void write_command(struct vlapic *lapic, uint64_t value, struct vlapic_ipi *ipi) {
    const uint64_t high = words_is_wide(lapic) ? 0 : lapic->command >> 32 << 32;
    ipi_command(lapic, high | value, ipi);
}

static bool write_self(struct vlapic *lapic, uint64_t value, struct vlapic_ipi *ipi) {
    const uint64_t to_self = 1u << 18;
    if (!words_is_wide(lapic) || value > LVT_VECTOR) {
        return false;
    }
    const uint64_t kept = lapic->command;
    ipi_command(lapic, to_self | value, ipi);
    lapic->command = kept;
    return true;
}

static bool write_names(struct vlapic *lapic, uint32_t number, uint64_t value) {
    if (words_is_wide(lapic)) {
        return false;
    }
    if (number == REGISTER_LDR) {
        lapic->logical = value & 0xff000000;
    } else {
        lapic->format = value | DFR_FIXED;
    }
    return true;
}

bool register_write(struct vlapic *lapic, uint32_t number, uint64_t value, uint64_t now,
                    struct vlapic_ipi *ipi) {
    if (value >> 32 != 0 && number != REGISTER_ICR) {
        return false;
    }
    if (number - REGISTER_LVT < VLAPIC_LVTS) {
        return write_lvt(lapic, number - REGISTER_LVT, value);
    }
    switch (number) {
    case REGISTER_TPR:
        if (value > 0xff && words_is_wide(lapic)) {
            return false;
        }
        output_set_priority(lapic, value & 0xff);
        return true;
    case REGISTER_EOI:
        return write_end(lapic, value);
    case REGISTER_LDR:
    case REGISTER_DFR:
        return write_names(lapic, number, value);
    case REGISTER_SVR:
        write_spurious(lapic, value);
        return true;
    case REGISTER_ESR:
        return write_error(lapic, value);
    case REGISTER_ICR:
        write_command(lapic, value, ipi);
        return true;
    case REGISTER_INITIAL:
        timer_set_count(lapic, (uint32_t)value, now);
        return true;
    case REGISTER_DCR:
        timer_set_divider(lapic, (uint32_t)value, now);
        return true;
    case REGISTER_SELF:
        return write_self(lapic, value, ipi);
    default:
        return false;
    }
}
