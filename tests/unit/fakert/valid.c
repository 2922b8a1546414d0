// What the core asks of a reply.
#include "tests/unit/fakert/fakert.h"

#define BIT(name, bit, text) | REPLY_##name
#define KNOWN (0 REPLY_LIST(BIT))

static bool mapping_is_valid(const uint64_t *word) {
    unsigned bits = REPLY_MAPPING_BITS(word[3]);
    if (bits != 12 && bits != 21 && bits != 30) {
        return false;
    }
    uint64_t rights = REPLY_MAPPING_RIGHTS(word[3]);
    uint64_t inside = (1ull << bits) - 1;
    return (word[2] & inside) == 0 && word[3] >> 32 == 0 && REPLY_MAPPING_SLOT(word[3]) != 0 &&
           rights != 0 && (rights & ~(uint64_t)(RIGHT_R | RIGHT_W | RIGHT_X)) == 0;
}

// Register 0 is one that holds something where there are ports.
static bool register_is_valid(enum exit_class c, uint32_t number) {
    return number < 32 && (number != 0 || c == EXIT_IO || fakert.has_register_0);
}

static bool flags_are_valid(enum exit_class c, uint64_t flags) {
    uint64_t numbers = 0;
    if (flags & REPLY_WRITE) {
        numbers |= REPLY_REGISTER(0xff);
        if (!register_is_valid(c, REPLY_REGISTER_OF(flags))) {
            return false;
        }
    }
    if (flags & REPLY_WRITE_SECOND) {
        numbers |= REPLY_SECOND(0xff);
        if (!register_is_valid(c, REPLY_SECOND_OF(flags))) {
            return false;
        }
    }
    if (flags & (REPLY_RAISE | REPLY_CLEAR)) {
        numbers |= REPLY_INTERRUPT(0xff);
        if (REPLY_INTERRUPT_OF(flags) >= INTERRUPT_COUNT) {
            return false;
        }
    }
    return (flags & ~(REPLY_FLAGS | (uint64_t)KNOWN | numbers)) == 0;
}

bool fakert_is_valid(const struct message *record, const struct reply *reply) {
    enum exit_class c = MESSAGE_CLASS(record->info);
    if (c >= EXIT_GUEST_CLASSES && c != EXIT_REFUSED) {
        return reply->flags == 0;
    }
    if (!(reply->flags & REPLY_FLAGS)) {
        bool is_short = reply->flags == REPLY_HYPERCALL || reply->flags == REPLY_HYPERCALL_DEADLINE;
        return is_short && (c == EXIT_HYPERCALL || c == EXIT_REFUSED);
    }
    if (!flags_are_valid(c, reply->flags)) {
        return false;
    }
    if ((reply->flags & REPLY_MAP) && !mapping_is_valid(reply->word)) {
        return false;
    }
    if (reply->flags & REPLY_START) {
        // word[4] can't be an argument and a mask.
        if ((reply->flags & (REPLY_RAISE | REPLY_FENCE)) || reply->word[2] >= SYSCALL_VCPUS_MAX) {
            return false;
        }
    }
    // An exception is raised at an instruction, not behind it.
    return !((reply->flags & REPLY_INJECT) && (reply->flags & REPLY_ADVANCE));
}
