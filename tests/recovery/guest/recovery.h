// The recovery campaign's guest. It makes every kind of exit, round after round, and everything it
// prints and leaves in its memory is the same in every run: whoever is killed meanwhile must not
// show in either.
//
// For that, nothing that depends on the time is ever stored. Interrupts are awaited while they are
// off and then taken at one certain instruction. The second CPU runs only while the first one
// sleeps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// One line of the guest's: "@ ", the text, ";" and the newline. No other lines look like that. A
// short one: on some machines each byte is an exit or two.
__attribute__((format(printf, 1, 2))) void line(const char *text, ...);

// Adds to the checksum that is printed at the end of every round.
void mix(uint64_t value);

// What came to the guest, in order; also counted. The log is part of what is compared.
enum event { EVENT_TIMER, EVENT_SOFTWARE, EVENT_DEVICE, EVENT_ILLEGAL, EVENT_SECOND, EVENTS };
void note(enum event event);

// How often that came. It changes while nothing here changes it.
extern volatile uint64_t noted[EVENTS];

// Writes to the next page of memory that nobody has touched yet, while there is one.
void touch_next(void);

// What each architecture has in a folder of its own:

// Once, before the first round.
void round_begin(const struct machine *machine);

// Output of every form there is, and input when nothing is typed.
void console_round(uint64_t round, bool input);

// Calls of the firmware, and interrupts that the guest sends to itself.
void calls_round(uint64_t own);

// Emulated registers, the flash, trapped registers.
void devices_round(uint64_t round);

// Sleeps until the timer's interrupt has come and was taken.
void sleep_timer(void);

// CPU `other` is started, prints, touches memory, interrupts this one and stops.
void cpus_round(uint64_t own, uint64_t other, uint64_t round);

// Waits until so many bytes, 63 at most, were typed, and returns them as a text.
const char *typed_text(uint64_t bytes);
