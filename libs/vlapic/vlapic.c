#include "libs/vlapic/vlapic.h"

#include "libs/vlapic/words.h"

#define SPURIOUS_RESET 0xff
#define FORMAT_RESET 0xffffffff

// Everything but the MSR and what tells outputs apart.
void words_reset(struct vlapic *lapic) {
    const struct vlapic kept = *lapic;
    *lapic = (struct vlapic){
        .id = kept.id,
        .base = kept.base,
        .number = kept.number,
        .last = kept.last,
        .spurious = SPURIOUS_RESET,
        .format = FORMAT_RESET,
        .expiry = VLAPIC_NEVER,
    };
    for (unsigned i = 0; i < VLAPIC_LVTS; i++) {
        lapic->lvt[i] = LVT_MASKED;
    }
}

void vlapic_reset(struct vlapic *lapic, uint32_t id) {
    *lapic = (struct vlapic){
        .id = id,
        .base = VLAPIC_PAGE | BASE_ENABLED | (id == 0 ? BASE_BOOT : 0),
    };
    words_reset(lapic);
    lapic->starts = id == 0 ? 0 : STARTS_WAITING;
}

void words_error(struct vlapic *lapic, uint32_t bit) {
    const uint64_t lvt = lapic->lvt[VLAPIC_ERROR];
    lapic->error |= (uint64_t)bit << ERROR_NOTED_SHIFT;
    if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= WORDS_FIRST_VECTOR) {
        vlapic_raise(lapic, (uint8_t)(lvt & LVT_VECTOR));
    }
}

void vlapic_raise(struct vlapic *lapic, uint8_t vector) {
    if (!words_is_enabled(lapic)) {
        return;
    }
    if (vector < WORDS_FIRST_VECTOR) {
        words_error(lapic, ERROR_RECEIVED_ILLEGAL);
        return;
    }
    // One that the core has pending is requested already.
    if (vector != lapic->given) {
        words_set(lapic->requested, vector);
    }
}

// Off, by memory, by MSRs, and off again is the only way (16.9.1).
static bool write_base(struct vlapic *lapic, uint64_t value) {
    const uint64_t modes = BASE_ENABLED | BASE_X2APIC;
    const uint64_t before = lapic->base & modes, after = value & modes;
    const bool is_legal = after == before || after == 0 || (after == BASE_ENABLED && before == 0) ||
                          (after == modes && before == BASE_ENABLED);
    if ((value & ~(modes | BASE_BOOT)) != VLAPIC_PAGE || !is_legal) {
        return false;
    }
    lapic->base = VLAPIC_PAGE | (lapic->base & BASE_BOOT) | after;
    if (after == 0) {
        output_set_priority(lapic, 0);
        const uint64_t given = lapic->given, starts = lapic->starts;
        words_reset(lapic);
        lapic->given = given;
        lapic->starts = starts;
    }
    return true;
}

bool vlapic_read_msr(const struct vlapic *lapic, uint32_t msr, uint64_t now, uint64_t *value) {
    if (msr == VLAPIC_MSR_BASE) {
        *value = lapic->base;
        return true;
    }
    if (msr == VLAPIC_MSR_DEADLINE) {
        *value = timer_get_deadline(lapic);
        return true;
    }
    return words_is_wide(lapic) && msr >= VLAPIC_MSR_FIRST && msr <= VLAPIC_MSR_LAST &&
           register_read(lapic, msr - VLAPIC_MSR_FIRST, now, value);
}

bool vlapic_write_msr(struct vlapic *lapic, uint32_t msr, uint64_t value, uint64_t now,
                      struct vlapic_ipi *ipi) {
    ipi->is_due = false;
    if (msr == VLAPIC_MSR_BASE) {
        return write_base(lapic, value);
    }
    if (msr == VLAPIC_MSR_DEADLINE) {
        timer_set_deadline(lapic, value);
        return true;
    }
    return words_is_wide(lapic) && msr >= VLAPIC_MSR_FIRST && msr <= VLAPIC_MSR_LAST &&
           register_write(lapic, msr - VLAPIC_MSR_FIRST, value, now, ipi);
}

#define PAGE_REGISTER(offset) ((offset) >> 4)
#define PAGE_SIZE 0x1000u
#define PAGE_COMMAND_HIGH 0x31u

static bool is_in_page(const struct vlapic *lapic, uint32_t offset) {
    return (lapic->base & BASE_ENABLED) && !words_is_wide(lapic) && offset < PAGE_SIZE &&
           offset % 16 == 0;
}

uint32_t vlapic_read_page(const struct vlapic *lapic, uint32_t offset, uint64_t now) {
    uint64_t value = 0;
    if (!is_in_page(lapic, offset)) {
        return 0;
    }
    if (PAGE_REGISTER(offset) == PAGE_COMMAND_HIGH) {
        return (uint32_t)(lapic->command >> 32);
    }
    return register_read(lapic, PAGE_REGISTER(offset), now, &value) ? (uint32_t)value : 0;
}

void vlapic_write_page(struct vlapic *lapic, uint32_t offset, uint32_t value, uint64_t now,
                       struct vlapic_ipi *ipi) {
    ipi->is_due = false;
    if (!is_in_page(lapic, offset)) {
        return;
    }
    if (PAGE_REGISTER(offset) == PAGE_COMMAND_HIGH) {
        lapic->command = (uint32_t)lapic->command | (uint64_t)(value & 0xff000000) << 32;
        return;
    }
    (void)register_write(lapic, PAGE_REGISTER(offset), value, now, ipi);
}
