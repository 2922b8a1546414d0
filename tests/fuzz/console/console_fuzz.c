// Any order of writing, signals, calls, typing, a UART that gets full, deaths and lies in the
// rings' counters. Whatever comes, the console ends each record within its bounds; and as long as
// no client lied, every byte is on the screen once, in its client's order, and no server's line is
// mixed. What the monitor draws and erases again takes nobody's bytes away. What is typed arrives
// once, where it is to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/console/world.h"

#define MONITOR 4
#define CLIENTS 5

// Each client's letters are its own; newlines are anybody's.
static const uint8_t letters[CLIENTS] = {'a', 'A', 0x80, 0xc0, 0xa0};

static struct {
    const uint8_t *at, *end;
} input;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static bool lied, left;

static void require(bool condition) {
    if (!condition)
        abort();
}

static void write_some(unsigned client) {
    uint8_t text[64];
    unsigned size = next() % sizeof(text);
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = next();
        text[i] = byte % 8 == 0 ? '\n' : (uint8_t)(letters[client] + byte % 16);
    }
    const struct ring *ring = &world.out[client];
    if (ring_writable(ring->head, ring->tail) >= size)
        world_write_bytes(client, text, size);
}

static void lie(unsigned client) {
    uint64_t value = next() * 0x0101010101010101u >> next() % 64;
    struct ring *ring = next() % 2 ? &world.out[client] : &world.in[client];
    if (next() % 2)
        ring->head = value;
    else
        ring->tail = value;
    lied = true;
}

static void do_step(void) {
    unsigned what = next();
    unsigned client = (what >> 4) % CLIENTS;
    switch (what & 15) {
    case 0 ... 4:
        write_some(client);
        break;
    case 5:
        world_send(EXIT_SIGNAL, next(), 1);
        break;
    case 6:
        world_send(EXIT_CALL, client, next() % 4);
        break;
    case 7:
        for (unsigned n = next(); n > 0 && world.typed_count < sizeof(world.typed); n--)
            world.typed[world.typed_count++] = n % 3 == 0 ? CONSOLE_ESCAPE : 'k';
        world_send(EXIT_IRQ, 0, 1);
        break;
    case 8:
        world.room = 16u + next(); // what the UART has promised to take it takes
        break;
    case 9:
        world.room = WORLD_SCREEN - world.written;
        world_send(EXIT_IRQ, 0, 1);
        break;
    case 10:
        world.put.at = world.put.calls + 1 + next();
        world.put.how = (enum world_death)(next() % WORLD_DEATHS);
        break;
    case 11:
        world.out[0].reserved = next() % 2;
        break;
    case 12:
        world.in[2 + client % 2].tail = world.in[2 + client % 2].head;
        break;
    case 13:
        if (next() % 4 == 0) {
            world.out[MONITOR].reserved = next() % 4;
            left = true;
        } else {
            lie(client);
        }
        break;
    case 14:
        world.take.at = world.take.calls + 1 + next() % 16;
        world.take.how = (enum world_death)(next() % WORLD_DEATHS);
        break;
    default:
        world_send((enum exit_class)next(), next(), next());
        break;
    }
}

// The screen without what is not CLIENT's must be what the client wrote: a copy of it is kept here.
static uint8_t written[CLIENTS][WORLD_SCREEN];
static unsigned written_count[CLIENTS];
static uint64_t noted[CLIENTS];

static void note_written(void) {
    for (unsigned client = 0; client < CLIENTS; client++) {
        const struct ring *ring = &world.out[client];
        for (; !lied && noted[client] != ring->head; noted[client]++) {
            uint8_t byte = (uint8_t)ring->data[noted[client] % RING_BYTES];
            if (byte != '\n' && written_count[client] < WORLD_SCREEN)
                written[client][written_count[client]++] = byte;
        }
    }
}

static void check_screen(void) {
    unsigned found[CLIENTS] = {0};
    unsigned line = CLIENTS; // whose letters stand in the line
    for (const char *at = world_rendered(); *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte == '\n') {
            line = CLIENTS;
            continue;
        }
        for (unsigned client = 0; client < CLIENTS; client++) {
            if (byte - letters[client] < 0 || byte - letters[client] > 15)
                continue;
            require(line == CLIENTS || line == client);
            line = client;
            require(found[client] < written_count[client]);
            require(written[client][found[client]] == byte);
            found[client]++;
        }
    }
    for (unsigned client = 0; client < MONITOR; client++)
        require(found[client] == written_count[client]);
    // Its last line may be hidden just now.
    const struct ring *ring = &world.out[MONITOR];
    require(found[MONITOR] + (ring->head - ring->tail) >= written_count[MONITOR]);
}

// Without lies no input ring is ever full or goes round.
static void check_input(bool has_monitor) {
    bool monitor = false, fresh = false;
    unsigned count[CLIENTS] = {0}, typed = 0, found = 0;
    for (unsigned i = 0; i < world_taken(); i++) {
        bool escape = has_monitor && world.typed[i] == CONSOLE_ESCAPE;
        typed += world.typed[i] != CONSOLE_ESCAPE;
        unsigned to = monitor && !escape ? MONITOR : 2;
        if (!left && (!escape || fresh))
            require((uint8_t)world.in[to].data[count[to]++] == world.typed[i]);
        fresh = escape && !monitor;
        monitor ^= escape;
    }
    for (unsigned client = 0; client < CLIENTS; client++) {
        require(left || world.in[client].head == count[client]);
        for (unsigned i = 0; i < world.in[client].head; i++)
            found += world.in[client].data[i] != CONSOLE_ESCAPE;
    }
    require(found == typed);
    world_expect_awake();
}

static void begin(bool prefixes, bool monitor) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "0");
    world_client(1, CONSOLE_CLIENT_HYPERVISOR, "1");
    world_client(2, CONSOLE_CLIENT_GUEST, "2");
    world_client(3, prefixes ? CONSOLE_CLIENT_GUEST : CONSOLE_CLIENT_HYPERVISOR, "3");
    world_client(MONITOR, monitor ? CONSOLE_CLIENT_MONITOR : CONSOLE_CLIENT_HYPERVISOR, "4");
    memset(written_count, 0, sizeof(written_count));
    memset(noted, 0, sizeof(noted));
    lied = left = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + (size < 512 ? size : 512);
    uint8_t shape = next();
    begin(shape & 1, shape & 4);
    world.has_fifo = shape & 2;
    world.early_deaths = shape >> 3 & 3;
    // Comes back here at each death.
    (void)!setjmp(world.grave);
    world_start();
    while (input.at < input.end && world.written < WORLD_SCREEN / 2) {
        do_step();
        note_written();
    }
    note_written();
    if (lied || world.written >= WORLD_SCREEN / 2)
        return 0;
    world.put.at = world.take.at = 0;
    world.room = WORLD_SCREEN - world.written;
    require(world_send(EXIT_CALL, CLIENTS, CONSOLE_FLUSH) == STATUS_OK);
    // What a guest has not ended waits while a line of the monitor's is there, but not at the end.
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    check_screen();
    check_input(shape & 4);
    return 0;
}
