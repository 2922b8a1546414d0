// From the UART to the client in focus.
#include <stddef.h>

#include "servers/console/console.h"

// More than the FIFO holds; what comes faster than this is handled at the next interrupt.
#define RECEIVE_MAX 64

// The ring's word follows the state: who dies between the two is followed by a server that says it
// again (console_settle_focus).
static void set_focus(struct console *console, enum console_focus focus) {
    console->state->focus = focus;
    console->state->fresh = focus == CONSOLE_FOCUS_MONITOR;
    console_settle_focus(console);
}

void console_settle_focus(struct console *console) {
    if (console->monitor == CONSOLE_CLIENTS)
        return;
    struct console_peer *monitor = &console->peer[console->monitor];
    uint32_t focus = (uint32_t)console->state->focus;
    if (__atomic_exchange_n(&monitor->in->reserved, focus, __ATOMIC_ACQ_REL) != focus &&
        monitor->signal != 0)
        (void)!rt_signal(monitor->signal);
}

void console_leave(struct console *console) {
    if (console->monitor == CONSOLE_CLIENTS)
        return;
    struct ring *ring = console->peer[console->monitor].out;
    if (__atomic_load_n(&ring->reserved, __ATOMIC_ACQUIRE) != CONSOLE_FOCUS_LEAVE)
        return;
    set_focus(console, CONSOLE_FOCUS_GUEST);
    __atomic_store_n(&ring->reserved, CONSOLE_FOCUS_GUEST, __ATOMIC_RELEASE);
}

// The client that BYTE is for, or NULL. The one place that looks at what is typed.
static struct console_peer *find_receiver(struct console *console, uint8_t byte) {
    bool monitor = console->state->focus == CONSOLE_FOCUS_MONITOR;
    if (byte == CONSOLE_ESCAPE && console->monitor != CONSOLE_CLIENTS) {
        bool twice = monitor && console->state->fresh != 0;
        set_focus(console, monitor ? CONSOLE_FOCUS_GUEST : CONSOLE_FOCUS_MONITOR);
        if (!twice)
            return NULL;
        monitor = false;
    }
    console->state->fresh = 0;
    if (monitor)
        return &console->peer[console->monitor];
    return console->focus < console->count ? &console->peer[console->focus] : NULL;
}

static bool add_input(struct console_peer *peer, uint8_t byte) {
    struct ring *ring = peer->in;
    uint64_t head = ring->head;
    if (ring_writable(head, ring_load(&ring->tail)) == 0) {
        peer->dropped++;
        if (!peer->overflowing)
            rt_log("console: %s%s does not read its input: what is typed now is lost",
                   peer->kind == CONSOLE_CLIENT_GUEST ? "guest " : "", peer->name);
        peer->overflowing = true;
        return false;
    }
    peer->overflowing = false;
    ring->data[head % RING_BYTES] = (char)byte;
    ring_store(&ring->head, head + 1);
    return true;
}

void console_receive(struct console *console) {
    uint32_t added = 0;
    uint8_t byte;
    for (unsigned n = 0; n < RECEIVE_MAX && uart16550_receive(&console->uart, &byte); n++) {
        struct console_peer *peer = find_receiver(console, byte);
        if (peer != NULL && add_input(peer, byte))
            added |= 1u << (peer - console->peer);
    }
    for (unsigned index = 0; index < console->count; index++) {
        if ((added >> index & 1) && console->peer[index].signal != 0)
            (void)!rt_signal(console->peer[index].signal);
    }
}
