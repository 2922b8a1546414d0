// The recovery campaign's guest. It makes every kind of exit, round after round, and everything it
// prints and leaves in its memory is the same in every run: whoever is killed meanwhile must not
// show in either.
//
// For that, nothing that depends on the time is ever stored. Interrupts are awaited with WFI while
// they are off and then taken at one certain instruction. The second hart runs only while the first
// one sleeps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// One line of the guest's: "@ ", the text, ";" and the newline. No other lines look like that.
__attribute__((format(printf, 1, 2))) void line(const char *text, ...);

// Adds to the checksum that is printed at the end of every round.
void mix(uint64_t value);

// What came to the guest, in order; also counted. The log is part of what is compared.
enum event { EVENT_TIMER = 'T', EVENT_SOFTWARE = 'S', EVENT_ILLEGAL = 'I', EVENT_SECOND = '2' };
void note(enum event event);

// Calls the firmware and mixes both results.
void ask(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2);

// Writes to the next page of memory that nobody has touched yet, while there is one.
void touch_next(void);

// Sleeps until the timer's interrupt has come and was taken.
void sleep_timer(void);
// The same for a software interrupt, which is taken as one or only seen pending.
void sleep_software(bool as_interrupt);

// The second hart is started, prints, touches memory, interrupts the first one and stops.
void hart_round(uint64_t own, uint64_t other, uint64_t round);

// The emulated clock's registers, the flash, trapped registers.
void devices_round(uint64_t rtc, uint64_t round);
