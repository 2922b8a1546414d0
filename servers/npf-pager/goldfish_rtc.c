// The real-time clock of the Goldfish platform ("google,goldfish-rtc"): nanoseconds since 1970 in
// two registers of 32 bits, and an alarm. As QEMU's and as Linux' driver
// (drivers/rtc/rtc-goldfish.c) expects it. The guest has no interrupt controller of ours, so an
// alarm passes silently: its status register says when it has.
#include <stdbool.h>

#include "servers/npf-pager/device.h"

enum rtc_register {
    RTC_TIME_LOW = 0x00, // reading it keeps the high half for TIME_HIGH
    RTC_TIME_HIGH = 0x04,
    RTC_ALARM_LOW = 0x08, // writing it arms the alarm; the high half is written before
    RTC_ALARM_HIGH = 0x0c,
    RTC_IRQ_ENABLED = 0x10,
    RTC_CLEAR_ALARM = 0x14,
    RTC_ALARM_STATUS = 0x18,
    RTC_CLEAR_INTERRUPT = 0x1c,
};

// The device's words.
enum rtc_word {
    RTC_OFFSET, // what is added to the machine's time
    RTC_HIGH,   // the high half that belongs to the low half read last
    RTC_ALARM,
    RTC_ARMED,
    RTC_ENABLED,
};

static void rtc_reset(uint64_t *word, uint64_t epoch) { word[RTC_OFFSET] = epoch; }

static uint64_t rtc_read_time(struct state *state, const uint64_t *word, uint64_t now) {
    uint64_t time = word[RTC_OFFSET] + now;
    // It changes every four seconds; a commit the rest of the time would be for nothing.
    if (__builtin_expect(word[RTC_HIGH] != time >> 32, 0)) {
        state_set(state, &word[RTC_HIGH], time >> 32);
    }
    return (uint32_t)time;
}

static uint64_t rtc_read(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now) {
    if (__builtin_expect(offset == RTC_TIME_LOW, 1)) {
        return rtc_read_time(state, word, now);
    }
    switch (offset) {
    case RTC_TIME_HIGH:
        return word[RTC_HIGH];
    case RTC_ALARM_LOW:
        return (uint32_t)word[RTC_ALARM];
    case RTC_ALARM_HIGH:
        return word[RTC_ALARM] >> 32;
    case RTC_IRQ_ENABLED:
        return word[RTC_ENABLED];
    case RTC_ALARM_STATUS:
        return word[RTC_ARMED] != 0 && word[RTC_ALARM] > word[RTC_OFFSET] + now;
    default:
        return 0;
    }
}

static uint64_t with_low(uint64_t old, uint64_t value) {
    return (old & ~0xffffffffull) | (uint32_t)value;
}

static uint64_t with_high(uint64_t old, uint64_t value) { return (uint32_t)old | value << 32; }

static void rtc_write(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now,
                      uint64_t value) {
    uint64_t time = word[RTC_OFFSET] + now;
    switch (offset) {
    case RTC_TIME_LOW:
        state_set(state, &word[RTC_OFFSET], with_low(time, value) - now);
        break;
    case RTC_TIME_HIGH:
        state_set(state, &word[RTC_OFFSET], with_high(time, value) - now);
        break;
    case RTC_ALARM_LOW:
        state_set(state, &word[RTC_ALARM], with_low(word[RTC_ALARM], value));
        state_set(state, &word[RTC_ARMED], 1);
        break;
    case RTC_ALARM_HIGH:
        state_set(state, &word[RTC_ALARM], with_high(word[RTC_ALARM], value));
        break;
    case RTC_IRQ_ENABLED:
        state_set(state, &word[RTC_ENABLED], value & 1);
        break;
    case RTC_CLEAR_ALARM:
        state_set(state, &word[RTC_ARMED], 0);
        break;
    default: // CLEAR_INTERRUPT too: there is none to clear
        break;
    }
}

const struct device_model goldfish_rtc = {
    .name = "goldfish-rtc",
    .sizes = 4,
    .words = DEVICE_WORDS,
    .reset = rtc_reset,
    .read = rtc_read,
    .write = rtc_write,
};
