// Interrupts between CPUs (16.5, and for x2APIC 16.13). System management interrupts have nothing
// here that would serve them, and are not sent.
#include "libs/vlapic/words.h"

#define COMMAND_VECTOR 0xffu
#define COMMAND_MODE(command) ((command) >> 8 & 7)
#define COMMAND_LOGICAL (1u << 11)
#define COMMAND_ASSERT (1u << 14)
#define COMMAND_LEVEL (1u << 15)
#define COMMAND_TO(command) ((command) >> 18 & 3)
#define COMMAND_ALL_BITS UINT64_C(0xffffffff000ccfff)
#define COMMAND_ALL_BITS_NARROW UINT64_C(0xff000000000ccfff)
#define NARROW_DESTINATION_SHIFT 56
#define WIDE_DESTINATION_SHIFT 32

enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

#define EVERYBODY_NARROW 0xffu
#define EVERYBODY UINT32_MAX
#define FORMAT_FLAT 0xfu

// What is sent at all (table 16-4). A STARTUP is for others, and so is an INIT, whose end (level,
// not asserted) is a thing of old CPUs.
static bool is_sent(uint64_t command) {
    const unsigned to = (unsigned)COMMAND_TO(command);
    switch (COMMAND_MODE(command)) {
    case VLAPIC_FIXED:
        return true;
    case VLAPIC_INIT:
        if ((command & COMMAND_LEVEL) && !(command & COMMAND_ASSERT)) {
            return false;
        }
        return to == TO_DESTINATION || to == TO_OTHERS;
    case VLAPIC_LOWEST:
    case VLAPIC_NMI:
    case VLAPIC_STARTUP:
        return to == TO_DESTINATION || to == TO_OTHERS;
    default:
        return false;
    }
}

void ipi_command(struct vlapic *lapic, uint64_t command, struct vlapic_ipi *ipi) {
    const bool is_wide = words_is_wide(lapic);
    const unsigned vector = (unsigned)(command & COMMAND_VECTOR);
    lapic->command = command & (is_wide ? COMMAND_ALL_BITS : COMMAND_ALL_BITS_NARROW);
    const unsigned mode = (unsigned)COMMAND_MODE(command);
    if (!is_sent(command)) {
        return;
    }
    if (mode <= VLAPIC_LOWEST && vector < WORDS_FIRST_VECTOR) {
        words_error(lapic, ERROR_SENT_ILLEGAL);
        return;
    }
    *ipi = (struct vlapic_ipi){
        .is_due = (lapic->base & BASE_ENABLED) != 0,
        .mode = (uint8_t)mode,
        .vector = (uint8_t)vector,
        .to = (uint8_t)COMMAND_TO(command),
        .is_logical = (command & COMMAND_LOGICAL) != 0,
        .is_wide = is_wide,
        .destination =
            (uint32_t)(command >> (is_wide ? WIDE_DESTINATION_SHIFT : NARROW_DESTINATION_SHIFT)),
    };
}

// In x2APIC mode a CPU's logical name follows from its number: a cluster of 16, and a bit in it.
static bool is_named_wide(uint32_t destination, uint64_t id) {
    return destination >> 16 == id >> 4 && (destination >> (id & 15) & 1);
}

static bool is_named_narrow(uint32_t destination, const struct vlapic *lapic) {
    const uint32_t name = (uint32_t)(lapic->logical >> 24);
    if (lapic->format >> 28 == FORMAT_FLAT) {
        return (destination & name) != 0;
    }
    return destination >> 4 == name >> 4 && (destination & name & 0xf);
}

static bool is_destination(const struct vlapic_ipi *ipi, const struct vlapic *lapic) {
    if (ipi->destination == (ipi->is_wide ? EVERYBODY : EVERYBODY_NARROW)) {
        return true;
    }
    if (!ipi->is_logical) {
        return ipi->destination == lapic->id;
    }
    return words_is_wide(lapic) ? is_named_wide(ipi->destination, lapic->id)
                                : is_named_narrow(ipi->destination, lapic);
}

bool vlapic_ipi_is_for(const struct vlapic_ipi *ipi, const struct vlapic *lapic, bool is_sender) {
    switch (ipi->to) {
    case TO_SELF:
        return is_sender;
    case TO_ALL:
        return true;
    case TO_OTHERS:
        return !is_sender;
    default:
        return is_destination(ipi, lapic);
    }
}

// INIT is a reset, but for the mode and the number (16.3.3). What is due is for the core to be
// told: of several INITs before that one is enough.
void vlapic_receive(struct vlapic *lapic, const struct vlapic_ipi *ipi) {
    const bool waits = (lapic->starts & STARTS_WAITING) != 0;
    if (!(lapic->base & BASE_ENABLED)) {
        return;
    }
    if (ipi->mode == VLAPIC_INIT) {
        words_reset(lapic);
        lapic->starts = STARTS_WAITING | STARTS_INIT;
    } else if (ipi->mode == VLAPIC_STARTUP && waits) {
        lapic->starts = (lapic->starts & STARTS_INIT) | STARTS_STARTUP |
                        (uint64_t)ipi->vector << STARTS_VECTOR_SHIFT;
    } else if (ipi->mode == VLAPIC_NMI && !waits) {
        lapic->starts |= STARTS_NMI;
    } else if (ipi->mode <= VLAPIC_LOWEST) {
        vlapic_raise(lapic, ipi->vector);
    }
}
