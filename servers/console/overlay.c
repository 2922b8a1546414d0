#include "servers/console/overlay.h"

#include "servers/console/console.h"
#include "servers/console/drain.h"
#include "servers/console/put.h"

// To the line's beginning, and away with all behind it (ECMA-48: CR, and EL, erase in line).
static const uint8_t erase_bytes[] = {'\r', 0x1b, '[', 'K'};

static_assert(sizeof(erase_bytes) + 1 == OVERLAY_ERASE_STEPS, "each byte is a step");

// The monitor's bytes from *TAIL on; returns how many there are.
static uint64_t line(const struct console *console, uint64_t *tail) {
    return drain_pending(console, console->monitor, tail);
}

bool overlay_is_there(const struct console *console) {
    uint64_t tail;
    return console->monitor != CONSOLE_CLIENTS && line(console, &tail) != 0;
}

bool overlay_erase(struct console *console) {
    volatile struct console_state *state = console->state;
    uint64_t tail;
    if (console->monitor == CONSOLE_CLIENTS)
        return true;
    if (state->erase == 0) {
        (void)line(console, &tail);
        if (state->shown == tail)
            return true;
        state->erase = 1;
    }
    while (state->erase < OVERLAY_ERASE_STEPS) {
        if (!uart_may_send(&console->uart))
            return false;
        state->target = CONSOLE_TARGET_ERASE;
        console_put(console->data, erase_bytes[state->erase - 1], &state->erase, state->erase + 1);
    }
    (void)line(console, &tail);
    state->shown = tail;
    state->erase = 0;
    return true;
}

// The byte counted SHOWN - 1 is on the screen: moves the tail when it ends the line.
static void pass(struct console *console, uint64_t shown) {
    struct ring *ring = console->peer[console->monitor].out;
    char byte = ring->data[(shown - 1) % RING_BYTES];
    bool full = shown - ring->tail == RING_BYTES; // what can't be kept can't be drawn again
    if (byte == '\n' || full)
        ring_store(&ring->tail, shown);
    else if (byte == '\r')
        ring_store(&ring->tail, shown - 1);
}

void overlay_settle(struct console *console) {
    volatile struct console_state *state = console->state;
    if (console->monitor == CONSOLE_CLIENTS)
        return;
    uint64_t tail;
    uint64_t count = line(console, &tail);
    uint64_t shown = state->shown - tail;
    if (shown > count) {
        state->shown = tail; // they contradict each other: nothing is known to be there
        return;
    }
    // Only behind the last byte the tail can have been left behind.
    if (shown != 0)
        pass(console, state->shown);
}

bool overlay_draw(struct console *console) {
    volatile struct console_state *state = console->state;
    if (console->monitor == CONSOLE_CLIENTS)
        return true;
    if (console->ending && !overlay_erase(console))
        return false;
    overlay_settle(console);
    const struct ring *ring = console->peer[console->monitor].out;
    uint64_t tail;
    uint64_t head = line(console, &tail) + tail;
    if (console->ending)
        head = drain_end_of_lines(ring, tail, head);
    uint64_t shown = state->shown;
    if (shown == head)
        return true;
    if (state->open != CONSOLE_NOBODY) {
        // Somebody's line has not ended. Only for what is new it is cut short.
        if (head == console->seen)
            return true;
        if (!drain_cut_line(console))
            return false;
    }
    while (shown != head) {
        if (!uart_may_send(&console->uart))
            return false;
        state->target = CONSOLE_TARGET_SHOWN;
        uint8_t byte = (uint8_t)ring->data[shown % RING_BYTES];
        console_put(console->data, byte, &state->shown, shown + 1);
        pass(console, ++shown);
    }
    console->seen = head;
    return true;
}
