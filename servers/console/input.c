// From the UART to the client in focus.
#include <stddef.h>

#include "servers/console/console.h"

// More than the FIFO holds; what comes faster than this is handled at the next interrupt.
#define RECEIVE_MAX 64

// The client that BYTE is for, or NULL. The one place that looks at what is typed: a monitor's
// escape key is to be recognised here.
static struct console_peer *find_receiver(struct console *console, uint8_t byte) {
    (void)byte;
    return console->focus < console->count ? &console->peer[console->focus] : NULL;
}

static bool add_input(struct console_peer *peer, uint8_t byte) {
    struct ring *ring = peer->in;
    uint64_t head = ring->head;
    if (ring_writable(head, ring_load(&ring->tail)) == 0) {
        peer->dropped++;
        if (!peer->overflowing)
            rt_log("console: guest %s does not read its input: what is typed now is lost",
                   peer->name);
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
