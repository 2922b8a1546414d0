// From the rings to the UART, line by line.
//
// Every wait is bounded: each ring is emptied up to where its head was when it was looked at. What
// a client adds behind that it signals afterwards, so nothing is left lying.
#include "servers/console/drain.h"

#include <stddef.h>

#include "libs/ring/publish.h"
#include "servers/console/console.h"
#include "servers/console/hold.h"
#include "servers/console/overlay.h"
#include "servers/console/put.h"

// A hypervisor's line whose newline has not come is kept back while it is shorter than this.
#define HOLD_MAX 1024u

#define unlikely(condition) __builtin_expect(condition, 0)

// Ends the line that was cut short, if one was. False: the UART takes no more now.
static bool finish_break(struct console *console) {
    volatile struct console_state *state = console->state;
    if (state->breaks == 0)
        return true;
    state->open = CONSOLE_NOBODY;
    if (!uart_may_send(&console->uart))
        return false;
    state->target = CONSOLE_TARGET_BREAK;
    console_put(console->data, '\n', &state->breaks, 0);
    return true;
}

// Makes the screen's last line one of client INDEX. False: the UART takes no more now. Not inlined,
// so that the loop over bytes keeps the registers.
static __attribute__((noinline)) bool begin_line(struct console *console, unsigned index) {
    volatile struct console_state *state = console->state;
    const struct console_peer *peer = &console->peer[index];
    if (state->open != index) {
        if (state->open != CONSOLE_NOBODY)
            state->breaks = 1;
        if (!finish_break(console))
            return false;
        state->prefix = 0;
        state->ends = UINT64_MAX;
        state->open = index;
    }
    while (state->prefix < peer->prefix_length) {
        if (!uart_may_send(&console->uart))
            return false;
        state->target = CONSOLE_TARGET_PREFIX;
        console_put(console->data, (uint8_t)peer->prefix[state->prefix], &state->prefix,
                    state->prefix + 1);
    }
    return true;
}

// Writes client INDEX's bytes from the one counted TAIL up to, not including, END. False: the UART
// takes no more now.
static bool write_bytes(struct console *console, unsigned index, uint64_t tail, uint64_t end) {
    volatile struct console_state *state = console->state;
    struct ring *ring = console->peer[index].out;
    const uint8_t *at = (const uint8_t *)ring->data + tail % RING_BYTES;
    bool begun = false;
    if (tail != end && !overlay_erase(console))
        return false;
    state->target = index;
    while (tail != end) {
        uint8_t byte = *at;
        // A carriage return behind the newline is not the next line's beginning.
        if (unlikely(!begun) && (byte != '\r' || state->open != CONSOLE_NOBODY)) {
            if (!begin_line(console, index))
                return false;
            begun = true;
            state->target = index;
        }
        if (unlikely(!uart_may_send(&console->uart)))
            return false;
        at++;
        if (unlikely(at == (const uint8_t *)ring->data + RING_BYTES))
            at = (const uint8_t *)ring->data;
        tail++;
        if (byte != '\n') {
            console_put(console->data, byte, &ring->tail, tail);
            continue;
        }
        state->ends = tail; // a server that dies right behind the newline has ended the line
        console_put(console->data, byte, &ring->tail, tail);
        state->open = CONSOLE_NOBODY;
        begun = false;
    }
    return true;
}

uint64_t drain_end_of_lines(const struct ring *ring, uint64_t tail, uint64_t head) {
    while (head != tail && ring->data[(head - 1) % RING_BYTES] != '\n')
        head--;
    return head;
}

uint64_t drain_pending(const struct console *console, unsigned index, uint64_t *tail) {
    const struct ring *ring = console->peer[index].out;
    *tail = ring_load(&ring->tail);
    return ring_readable(ring_load(&ring->head), *tail);
}

bool drain_cut_line(struct console *console) {
    console->state->breaks = 1;
    return finish_break(console);
}

// Whole lines only, so that two servers' lines, or a server's and a guest's, never mix.
static bool write_lines(struct console *console, unsigned index, bool forced) {
    uint64_t tail;
    uint64_t head = drain_pending(console, index, &tail) + tail;
    uint64_t end = drain_end_of_lines(console->peer[index].out, tail, head);
    if (end != tail && !write_bytes(console, index, tail, end))
        return false;
    // What has begun, because it was too long to be held or was forced out, is not kept back again.
    bool begun = console->state->open == index;
    if (!begun && (end == head || (!forced && head - end < HOLD_MAX)))
        return true;
    return write_bytes(console, index, end, head) && drain_cut_line(console);
}

// How far guest INDEX's bytes, which are those from TAIL to HEAD, are written while its line is not
// the one on the screen. A line that has not ended waits while another guest's is there, or a line
// of the monitor's, which stands below all others: each would cut the other short at every byte.
// Else it waits for its end, but not for ever.
static uint64_t end_of_guest(struct console *console, unsigned index, uint64_t tail,
                             uint64_t head) {
    uint64_t open = console->state->open;
    bool other = open < console->count && console->peer[open].kind == CONSOLE_CLIENT_GUEST;
    if (other && head - tail < RING_BYTES / 2 && hold_begun(console, index, tail) &&
        hold_shown(console))
        return tail;
    uint64_t end = drain_end_of_lines(console->peer[index].out, tail, head);
    if (head - end >= RING_BYTES / 2)
        return head;
    bool waits = overlay_is_there(console) || (other && end == tail);
    return waits || (end != head && hold_begun(console, index, end)) ? end : head;
}

// A guest's bytes as they are. What follows the end of the line on the screen is a line like
// others.
static bool write_guest(struct console *console, unsigned index, bool forced) {
    const volatile struct console_state *state = console->state;
    uint64_t tail;
    uint64_t count = drain_pending(console, index, &tail);
    if (count == 0)
        return true;
    uint64_t head = tail + count;
    if (!forced && state->open == index) {
        uint64_t end = drain_end_of_lines(console->peer[index].out, tail, head);
        if (!write_bytes(console, index, tail, end))
            return false;
        tail = end;
    }
    if (!forced && state->open != index)
        head = end_of_guest(console, index, tail, head);
    bool all = write_bytes(console, index, tail, head);
    if (state->open == index)
        hold_written(console);
    return all;
}

// Twice round: who waited for another guest's line may go on in the second.
static bool write_guests(struct console *console, uint32_t force) {
    for (unsigned i = 0; i < 2 * console->count; i++) {
        unsigned index = i % console->count;
        if (console->peer[index].kind == CONSOLE_CLIENT_GUEST &&
            !write_guest(console, index, force >> index & 1))
            return false;
    }
    return true;
}

static bool write_monitor(struct console *console, uint32_t force) {
    bool was_there = overlay_is_there(console);
    if (!overlay_draw(console))
        return false;
    // The line has ended, and with it what guests waited for.
    return !was_there || overlay_is_there(console) || write_guests(console, force);
}

static bool write_all(struct console *console, uint32_t force) {
    const volatile struct console_state *state = console->state;
    if (!finish_break(console) || (state->erase != 0 && !overlay_erase(console)))
        return false;
    // A server's line that is on the screen in part, because the UART was full, goes on first.
    uint64_t open = state->open;
    if (open < console->count && console->peer[open].kind == CONSOLE_CLIENT_HYPERVISOR &&
        !write_lines(console, (unsigned)open, false))
        return false;
    if (!write_guests(console, force))
        return false;
    for (unsigned index = 0; index < console->count; index++) {
        if (console->peer[index].kind == CONSOLE_CLIENT_HYPERVISOR &&
            !write_lines(console, index, force >> index & 1))
            return false;
    }
    return write_monitor(console, force);
}

bool console_drain(struct console *console, uint32_t force) {
    for (unsigned index = 0; index < console->count; index++) {
        if (console->peer[index].kind == CONSOLE_CLIENT_GUEST)
            publish_seen(console->peer[index].out);
    }
    bool all = write_all(console, force);
    // Where the UART took no more, its interrupt says when to go on.
    uart_notice(&console->uart, !all);
    hold_look_again(console);
    return all;
}

bool console_is_empty(const struct console *console) {
    uint64_t tail;
    for (unsigned index = 0; index < console->count; index++) {
        uint64_t count = drain_pending(console, index, &tail);
        // The monitor's last line stays in the ring for as long as it can have to be drawn again.
        if (index == console->monitor)
            count = drain_end_of_lines(console->peer[index].out, tail, tail + count) - tail;
        if (count != 0)
            return false;
    }
    return console->state->breaks == 0;
}
