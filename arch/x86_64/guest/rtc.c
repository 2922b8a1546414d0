#include "arch/x86_64/guest/rtc.h"

#include <stdbool.h>

#include "arch/x86_64/guest/x86.h"
#include "guest/lib/string.h"

#define PORT_INDEX 0x70
#define PORT_DATA 0x71
#define REGISTER_A 10
#define REGISTER_B 11
#define A_UPDATING (1u << 7)
#define B_24_HOURS (1u << 1)
#define B_BINARY (1u << 2)
#define NOTHING_THERE 0xff
#define AFTERNOON (1u << 7)
#define CENTURY 2000 // it counts two digits

enum { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, FIELDS };
static const uint8_t indexes[FIELDS] = {0, 2, 4, 7, 8, 9};

// An update takes 2 ms; a clock that is always updating is none.
#define PATIENCE 1000000

static uint8_t read(uint8_t index) {
    x86_out8(PORT_INDEX, index);
    return x86_in8(PORT_DATA);
}

// Fields that were read while the clock went on may not belong together: two equal readings do.
static bool read_fields(uint8_t field[FIELDS]) {
    uint8_t before[FIELDS] = {0};
    for (unsigned tries = 0; tries < PATIENCE; tries++) {
        if (read(REGISTER_A) & A_UPDATING)
            continue;
        for (unsigned i = 0; i < FIELDS; i++)
            field[i] = read(indexes[i]);
        if (memcmp(before, field, FIELDS) == 0)
            return true;
        memcpy(before, field, FIELDS);
    }
    return false;
}

static unsigned decimal(uint8_t digits) { return (digits >> 4) * 10 + (digits & 15); }

static unsigned hour_of(uint8_t field, uint8_t format) {
    const uint8_t number = format & B_24_HOURS ? field : field & (uint8_t)~AFTERNOON;
    const unsigned hour = format & B_BINARY ? number : decimal(number);
    if (format & B_24_HOURS)
        return hour;
    return hour % 12 + (field & AFTERNOON ? 12 : 0);
}

// Of the Gregorian calendar; years begin in March here, so that the leap day is the last.
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    const unsigned y = month > 2 ? year : year - 1;
    const unsigned m = month > 2 ? month - 3 : month + 9;
    return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 719469;
}

uint64_t rtc_read(void) {
    uint8_t field[FIELDS];
    const uint8_t format = read(REGISTER_B);
    if (format == NOTHING_THERE || !read_fields(field))
        return 0;
    unsigned number[FIELDS];
    for (unsigned i = 0; i < FIELDS; i++)
        number[i] = format & B_BINARY ? field[i] : decimal(field[i]);
    const uint64_t days = days_since_1970(CENTURY + number[YEAR], number[MONTH], number[DAY]);
    return ((days * 24 + hour_of(field[HOURS], format)) * 60 + number[MINUTES]) * 60 +
           number[SECONDS];
}
