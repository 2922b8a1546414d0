// The real-time clock PL031 ("arm,pl031"; Arm DDI 0224, chapter 3): seconds since 1970 in one
// register, and a match. It has no interrupt line, since nobody would wake this server when a match
// comes: the manifest gives it none, and Linux then offers no alarm. Its raw status says when it
// has matched.
#include <stdbool.h>

#include "servers/npf-pager/device.h"

enum rtc_register {
    RTC_DR = 0x00,
    RTC_MR = 0x04,
    RTC_LR = 0x08,
    RTC_CR = 0x0c,
    RTC_IMSC = 0x10,
    RTC_RIS = 0x14,
    RTC_MIS = 0x18,
    RTC_ICR = 0x1c,
    RTC_IDS = 0xfe0,
    RTC_END = 0x1000,
};

// The device's words.
enum rtc_word {
    RTC_OFFSET, // nanoseconds that are added to the machine's time
    RTC_LOADED, // what LR was set to
    RTC_MATCH,
    RTC_MATCHES_AT, // the time, offset included, at which the count will next be MR: nanoseconds
    RTC_ENABLED,    // IMSC
};

#define SECOND 1000000000ull
#define WRAP ((1ull << 32) * SECOND) // after which the count comes again

// Part 0x031, designer 0x41 (Arm); PCellID.
static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static uint32_t count(uint64_t time) { return (uint32_t)(time / SECOND); }

// When, after TIME, the count is next MATCH: at the beginning of that second.
static uint64_t next_match(uint64_t time, uint32_t match) {
    uint64_t begin = time / SECOND * SECOND;
    uint32_t wait = match - count(time);
    return begin + (wait ? wait * SECOND : WRAP);
}

static void pl031_reset(uint64_t *word, uint64_t epoch) {
    word[RTC_OFFSET] = epoch;
    word[RTC_MATCHES_AT] = next_match(epoch, 0);
}

static bool has_matched(const uint64_t *word, uint64_t time) {
    return time >= word[RTC_MATCHES_AT];
}

static uint64_t pl031_read(struct state *state, const uint64_t *word, uint64_t offset,
                           uint64_t now) {
    (void)state;
    uint64_t time = word[RTC_OFFSET] + now;
    if (__builtin_expect(offset == RTC_DR, 1)) {
        return count(time);
    }
    switch (offset) {
    case RTC_MR:
        return word[RTC_MATCH];
    case RTC_LR:
        return word[RTC_LOADED];
    case RTC_CR:
        return 1; // firmware has started it, and nothing stops it
    case RTC_IMSC:
        return word[RTC_ENABLED];
    case RTC_RIS:
        return has_matched(word, time);
    case RTC_MIS:
        return has_matched(word, time) && word[RTC_ENABLED];
    default:
        return offset >= RTC_IDS && offset < RTC_END ? ids[(offset - RTC_IDS) / 4] : 0;
    }
}

static void pl031_write(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now,
                        uint64_t value) {
    uint64_t time = word[RTC_OFFSET] + now;
    uint32_t count_or_match = (uint32_t)value;
    switch (offset) {
    case RTC_MR:
        state_set(state, &word[RTC_MATCH], count_or_match);
        // A match with what the count is already is one now; one that was there stays.
        if (!has_matched(word, time)) {
            state_set(state, &word[RTC_MATCHES_AT],
                      count_or_match == count(time) ? time : next_match(time, count_or_match));
        }
        break;
    case RTC_LR: {
        uint64_t loaded = count_or_match * SECOND;
        state_set(state, &word[RTC_LOADED], count_or_match);
        state_set(state, &word[RTC_OFFSET], loaded - now);
        bool matches = has_matched(word, time) || count_or_match == (uint32_t)word[RTC_MATCH];
        state_set(state, &word[RTC_MATCHES_AT],
                  matches ? loaded : next_match(loaded, (uint32_t)word[RTC_MATCH]));
        break;
    }
    case RTC_IMSC:
        state_set(state, &word[RTC_ENABLED], value & 1);
        break;
    case RTC_ICR:
        if ((value & 1) && has_matched(word, time)) {
            state_set(state, &word[RTC_MATCHES_AT], next_match(time, (uint32_t)word[RTC_MATCH]));
        }
        break;
    default:
        break;
    }
}

const struct device_model pl031 = {
    .name = "pl031",
    .sizes = 4,
    .words = DEVICE_WORDS,
    .reset = pl031_reset,
    .read = pl031_read,
    .write = pl031_write,
};
