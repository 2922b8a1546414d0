// The takeover of the state from the server before.
#include <string.h>

#include "libs/state/state.h"
#include "servers/console/console.h"
#include "servers/console/overlay.h"
#include "servers/console/put.h"
#include "servers/console/take.h"

// A server of version 1 had no monitor, and nothing of one was on the screen.
static enum status migrate(uint32_t version, const void *from, uint32_t size, void *to) {
    if (version != 1)
        return STATUS_UNSUPPORTED;
    if (size != sizeof(struct console_state_1))
        return STATUS_CORRUPT;
    memcpy(to, from, size);
    return STATUS_OK;
}

static const struct console_state initial = {.open = CONSOLE_NOBODY};

static bool is_valid(const struct console *console) {
    const volatile struct console_state *state = console->state;
    if (state->breaks > 1 || state->told > 1 || state->input >= CONSOLE_INPUT_END ||
        state->erase > OVERLAY_ERASE_STEPS)
        return false;
    uint64_t switched = state->input & (CONSOLE_INPUT_MONITOR | CONSOLE_INPUT_FRESH);
    if (state->target >= console->count &&
        (state->target < CONSOLE_TARGET_PREFIX || state->target > CONSOLE_TARGET_ERASE))
        return false;
    if (console->monitor == CONSOLE_CLIENTS &&
        (state->target >= CONSOLE_TARGET_SHOWN || (switched | state->erase) != 0))
        return false;
    if (state->open >= console->count)
        return state->open == CONSOLE_NOBODY;
    return state->prefix <= console->peer[state->open].prefix_length;
}

// What the last byte counts in.
static volatile uint64_t *last_counter(struct console *console) {
    volatile struct console_state *state = console->state;
    switch (state->target) {
    case CONSOLE_TARGET_PREFIX:
        return &state->prefix;
    case CONSOLE_TARGET_SHOWN:
        return &state->shown;
    case CONSOLE_TARGET_ERASE:
        return &state->erase;
    default:
        return &console->peer[state->target].out->tail;
    }
}

// Counts the byte that a server before had sent and not counted. What it has to be is written down
// first, so that it comes out the same when this one dies too before it has taken over, and the
// next is told of the same death. console_handle forgets it before it writes anything.
static void count_sent(struct console *console) {
    volatile struct console_state *state = console->state;
    if (state->target == CONSOLE_TARGET_BREAK) {
        state->breaks = 0;
        return;
    }
    volatile uint64_t *counter = last_counter(console);
    if (state->repair == 0 || state->repair - *counter > 1)
        state->repair = *counter + 1;
    *counter = state->repair;
}

// Brings the state to where it is between two instructions neither of which is half of a pair.
static void repair(struct console *console, const struct console_death *death) {
    volatile struct console_state *state = console->state;
    if (death->pc >= (uintptr_t)console_put_sent && death->pc < (uintptr_t)console_put_counted)
        count_sent(console);
    else
        state->repair = 0;
    // This comes out the same however often it is done: nobody delivers the byte before this server
    // or a later one has taken over.
    if (death->pc >= (uintptr_t)console_take_loaded && death->pc < (uintptr_t)console_take_kept)
        state->input = (state->input & ~(uint64_t)CONSOLE_INPUT_BYTE) | CONSOLE_INPUT_TYPED |
                       (death->word & CONSOLE_INPUT_BYTE);
}

enum status console_adopt(struct console *console, void *region, size_t size,
                          const struct console_death *death) {
    const struct state_layout layout = {
        .owner = "console",
        .version = CONSOLE_STATE_VERSION,
        .size = sizeof(struct console_state),
        .initial = &initial,
        .migrate = migrate,
    };
    struct state slots;
    enum status status = state_open(&slots, region, size, &layout);
    if (status == STATUS_CORRUPT) {
        // What is lost by beginning anew is at most where a line ends.
        memset(region, 0, sizeof(struct state_header));
        status = state_open(&slots, region, size, &layout);
    }
    if (status != STATUS_OK)
        return status;
    console->begun = slots.fresh;
    console->state = (volatile struct console_state *)(uintptr_t)state_current(&slots);
    if (!is_valid(console))
        *console->state = initial;
    repair(console, death);
    overlay_settle(console);
    volatile struct console_state *state = console->state;
    if (state->open < console->count && console->peer[state->open].out->tail >= state->ends)
        state->open = CONSOLE_NOBODY;
    return STATUS_OK;
}
