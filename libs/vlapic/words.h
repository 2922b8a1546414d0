// Sets of vectors, and what the files of this library share.
#pragma once

#include "libs/vlapic/vlapic.h"

#define WORDS_FIRST_VECTOR 16 // those below can't be sent
#define BASE_BOOT (1u << 8)
#define BASE_X2APIC (1u << 10)
#define BASE_ENABLED (1u << 11)
#define SPURIOUS_ENABLED (1u << 8)
#define STARTS_WAITING (1u << 0) // nothing but a STARTUP brings it on
#define STARTS_INIT (1u << 1)    // these are due
#define STARTS_STARTUP (1u << 2)
#define STARTS_NMI (1u << 3)
#define STARTS_PRIORITY (1u << 4)
#define STARTS_BITS 0x1fu
#define STARTS_VECTOR_SHIFT 8
#define LVT_MASKED (1u << 16)
#define LVT_MODE_SHIFT 17
#define LVT_VECTOR 0xffu

#define ERROR_SENT_ILLEGAL (1u << 5)
#define ERROR_RECEIVED_ILLEGAL (1u << 6)
#define ERROR_NOTED_SHIFT 32

static inline void words_set(uint64_t word[4], unsigned vector) {
    word[vector / 64] |= UINT64_C(1) << vector % 64;
}

static inline void words_clear(uint64_t word[4], unsigned vector) {
    word[vector / 64] &= ~(UINT64_C(1) << vector % 64);
}

// The highest vector; 0 for none.
static inline unsigned words_highest(const uint64_t word[4]) {
    for (unsigned i = 4; i > 0; i--) {
        if (word[i - 1]) {
            return i * 64 - 1 - (unsigned)__builtin_clzll(word[i - 1]);
        }
    }
    return 0;
}

static inline bool words_is_enabled(const struct vlapic *lapic) {
    return (lapic->base & BASE_ENABLED) && (lapic->spurious & SPURIOUS_ENABLED);
}

static inline bool words_is_wide(const struct vlapic *lapic) {
    return (lapic->base & BASE_X2APIC) != 0;
}

// Notes an error, which may interrupt.
void words_error(struct vlapic *lapic, uint32_t bit);

// vlapic.c: all registers but the base's MSR are as after a reset, and the core has nothing.
void words_reset(struct vlapic *lapic);

// output.c
void output_end(struct vlapic *lapic);                             // EOI
void output_set_priority(struct vlapic *lapic, uint64_t priority); // TPR

// timer.c
uint32_t timer_count(const struct vlapic *lapic, uint64_t now);
void timer_set_count(struct vlapic *lapic, uint32_t count, uint64_t now);
void timer_set_divider(struct vlapic *lapic, uint32_t divider, uint64_t now);
void timer_set_deadline(struct vlapic *lapic, uint64_t deadline);
uint64_t timer_get_deadline(const struct vlapic *lapic);
void timer_set_mode(struct vlapic *lapic, uint64_t lvt);

// ipi.c
void ipi_command(struct vlapic *lapic, uint64_t command, struct vlapic_ipi *ipi);

// register.c: register NUMBER, by MSR or by page. False: there is none, or not for that.
bool register_read(const struct vlapic *lapic, uint32_t number, uint64_t now, uint64_t *value);
bool register_write(struct vlapic *lapic, uint32_t number, uint64_t value, uint64_t now,
                    struct vlapic_ipi *ipi);
