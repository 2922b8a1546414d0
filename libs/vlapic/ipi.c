// Interrupts between CPUs (16.5, and for x2APIC 16.13). Fixed ones are sent; of the lowest priority
// are as fixed ones. Others are ignored: no vCPU is started this way, and none gets an NMI.
#include "libs/vlapic/words.h"

#define COMMAND_VECTOR 0xffu
#define COMMAND_MODE(command) ((command) >> 8 & 7)
#define COMMAND_LOGICAL (1u << 11)
#define COMMAND_TO(command) ((command) >> 18 & 3)
#define COMMAND_ALL_BITS UINT64_C(0xffffffff000ccfff)
#define COMMAND_ALL_BITS_NARROW UINT64_C(0xff000000000ccfff)
#define NARROW_DESTINATION_SHIFT 56
#define WIDE_DESTINATION_SHIFT 32

enum { MODE_FIXED, MODE_LOWEST };
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

#define EVERYBODY_NARROW 0xffu
#define EVERYBODY UINT32_MAX
#define FORMAT_FLAT 0xfu

void ipi_command(struct vlapic *lapic, uint64_t command, struct vlapic_ipi *ipi) {
    const bool is_wide = words_is_wide(lapic);
    const unsigned vector = (unsigned)(command & COMMAND_VECTOR);
    lapic->command = command & (is_wide ? COMMAND_ALL_BITS : COMMAND_ALL_BITS_NARROW);
    const unsigned mode = (unsigned)COMMAND_MODE(command);
    if (mode != MODE_FIXED && mode != MODE_LOWEST) {
        return;
    }
    if (vector < WORDS_FIRST_VECTOR) {
        words_error(lapic, ERROR_SENT_ILLEGAL);
        return;
    }
    *ipi = (struct vlapic_ipi){
        .is_due = words_is_enabled(lapic),
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
