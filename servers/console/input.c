// From the UART to the client in focus.
//
// A byte's way is a row of single stores: place = 0; console_take, from where on `input` says
// TYPED; place = what the head of its receiver's ring will be; the byte; that head; and `input`
// without it. Who the receiver is depends on `input` alone. So a server that finds a byte TYPED
// knows who gets it, and by the place whether it was given; if not, it does what is still to be
// done, or does it again, which makes no difference.
#include <stddef.h>

#include "servers/console/console.h"
#include "servers/console/take.h"

// More than the FIFO holds; what comes faster than this is handled at the next interrupt.
#define RECEIVE_MAX 64

// There is something for client INDEX.
static void note(struct console *console, unsigned index) {
    console->tell |= 1u << index % CONSOLE_CLIENTS;
}

// Says in the monitor's ring who has the focus, as the state says.
static void settle_focus(struct console *console) {
    if (console->monitor == CONSOLE_CLIENTS)
        return;
    struct ring *ring = console->peer[console->monitor].in;
    uint32_t focus = console_focus(console);
    if (__atomic_exchange_n(&ring->reserved, focus, __ATOMIC_ACQ_REL) != focus)
        note(console, console->monitor);
}

// Stored behind all that was stored before.
static void set_input(struct console *console, uint64_t input) {
    __atomic_store_n(&console->state->input, input, __ATOMIC_RELEASE);
    settle_focus(console);
}

// Gives the focus back to the guest, if the monitor asks for that. Done twice, it is the same.
static void leave(struct console *console) {
    if (console->monitor == CONSOLE_CLIENTS)
        return;
    struct ring *ring = console->peer[console->monitor].out;
    if (__atomic_load_n(&ring->reserved, __ATOMIC_ACQUIRE) != CONSOLE_FOCUS_LEAVE)
        return;
    set_input(console, 0);
    __atomic_store_n(&ring->reserved, CONSOLE_FOCUS_GUEST, __ATOMIC_RELEASE);
}

// The client that the byte in INPUT is for, CONSOLE_CLIENTS for nobody, and what the word is to be
// behind it. The one place that looks at what is typed.
static unsigned find_receiver(const struct console *console, uint64_t input, uint64_t *behind) {
    bool monitor = input & CONSOLE_INPUT_MONITOR;
    *behind = input & CONSOLE_INPUT_MONITOR;
    if ((input & CONSOLE_INPUT_BYTE) == CONSOLE_ESCAPE && console->monitor != CONSOLE_CLIENTS) {
        *behind = monitor ? 0 : CONSOLE_INPUT_MONITOR | CONSOLE_INPUT_FRESH;
        return input & CONSOLE_INPUT_FRESH ? console->focus : CONSOLE_CLIENTS;
    }
    return monitor ? console->monitor : console->focus;
}

static void add_input(struct console *console, unsigned index, uint8_t byte) {
    struct console_peer *peer = &console->peer[index];
    struct ring *ring = peer->in;
    uint64_t head = ring->head;
    if (ring_writable(head, ring_load(&ring->tail)) == 0) {
        peer->dropped++;
        if (!peer->overflowing)
            rt_log("console: %s%s does not read its input: what is typed now is lost",
                   peer->kind == CONSOLE_CLIENT_GUEST ? "guest " : "", peer->name);
        peer->overflowing = true;
        return;
    }
    peer->overflowing = false;
    console->state->place = head + 1;
    ring->data[head % RING_BYTES] = (char)byte;
    ring_store(&ring->head, head + 1);
    note(console, index);
}

// Brings the byte in the state's `input` to its receiver, unless it is there already.
static void deliver(struct console *console) {
    const volatile struct console_state *state = console->state;
    uint64_t input = state->input;
    uint64_t behind;
    unsigned index = find_receiver(console, input, &behind);
    if (index < CONSOLE_CLIENTS &&
        (state->place == 0 || console->peer[index].in->head != state->place))
        add_input(console, index, input & CONSOLE_INPUT_BYTE);
    set_input(console, behind);
}

// What the server before may have left: a byte on its way, and whoever it would have signalled.
static void resume(struct console *console) {
    if (console->state->input & CONSOLE_INPUT_TYPED)
        deliver(console);
    settle_focus(console);
    for (unsigned index = 0; index < console->count; index++) {
        const struct ring *ring = console->peer[index].in;
        if (index == console->monitor || (ring != NULL && ring->head != ring_load(&ring->tail)))
            note(console, index);
    }
    console->resumed = true;
}

static void receive(struct console *console) {
    volatile struct console_state *state = console->state;
    for (unsigned n = 0; n < RECEIVE_MAX && uart_has_received(&console->uart); n++) {
        state->place = 0;
        uint64_t to = state->input & (CONSOLE_INPUT_MONITOR | CONSOLE_INPUT_FRESH);
        console_take(console->data, &state->input, to | CONSOLE_INPUT_TYPED);
        deliver(console);
    }
}

static void tell(struct console *console) {
    for (; console->tell != 0; console->tell &= console->tell - 1) {
        unsigned portal = console->peer[__builtin_ctz(console->tell)].signal;
        if (portal != 0)
            (void)!rt_signal(portal);
    }
}

uint32_t console_input(struct console *console, bool received) {
    bool first = !console->resumed;
    if (first)
        resume(console);
    leave(console);
    if (first || received)
        receive(console);
    uint32_t told = console->tell;
    tell(console);
    return told;
}
