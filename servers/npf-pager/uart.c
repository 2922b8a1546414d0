// The guest's UART, a PL011 ("arm,pl011"), between two rings that the console server has the other
// ends of. A byte that is sent goes into the output ring beyond what is published, then the commit
// makes it, the registers and the exit's sequence number true together, then it is published. Input
// fills the receiver's FIFO, as far as there is room, whenever the console signals and whenever an
// access may have made room; the interrupt line follows in the same commit.
#include <string.h>

#include "ipc/console.h"
#include "libs/pl011/pl011.h"
#include "libs/ring/bytes.h"
#include "libs/ring/publish.h"
#include "servers/npf-pager/emulate.h"
#include "servers/npf-pager/gic.h"

extern const struct device_model pl011_uart;

// The device's words.
struct uart {
    struct pl011 registers;
    uint64_t head; // bytes ever sent; the output ring's head follows it
    uint64_t tail; // bytes ever received; the input ring's tail follows it
};

#define UART_WORDS (sizeof(struct uart) / 8)
static_assert(UART_WORDS <= DEVICE_WORDS, "there is room");

static void uart_reset(uint64_t *word, uint64_t epoch) {
    (void)epoch;
    pl011_reset(&((struct uart *)word)->registers);
}

// As last committed.
static const struct uart *committed(const struct pager *pager, uint32_t state_offset) {
    return (const void *)emulate_words(pager, state_offset);
}

// What is different in UART from what was committed becomes part of the next commit.
static void change(struct pager *pager, const struct uart *from, const struct uart *uart) {
    uint64_t old[UART_WORDS], new[UART_WORDS];
    memcpy(old, from, sizeof(old));
    memcpy(new, uart, sizeof(new));
    for (unsigned i = 0; i < UART_WORDS; i++) {
        if (new[i] != old[i]) {
            state_set(&pager->state, (const uint64_t *)(const void *)from + i, new[i]);
        }
    }
}

// What was typed arrives, as far as there is room.
static void receive(const struct ring *in, struct uart *uart) {
    uint64_t waiting = in ? ring_readable(ring_load(&in->head), uart->tail) : 0;
    while (waiting > 0 && pl011_room(&uart->registers) > 0) {
        uint8_t byte;
        bytes_get(in, uart->tail, &byte, 1);
        pl011_offer(&uart->registers, byte);
        uart->tail++;
        waiting--;
    }
}

// Ends what is done to UART: it, and what its line then does, are the next commit.
static void finish(struct pager *pager, const struct pager_vm *vm, uint32_t line,
                   const struct uart *from, struct uart *uart) {
    receive(vm->in, uart);
    bool level = pl011_line(&uart->registers);
    change(pager, from, uart);
    if (level != pl011_line(&from->registers)) {
        gic_line(pager, vm, line, level);
        gic_prepare(pager, vm);
    }
}

static void expect_told(enum status status) {
    if (status != STATUS_OK) {
        rt_log("the console's portal is not there: nobody looks at what guests write");
    }
}

// Behind the commit: the rings show it, and so does the interrupt.
static void publish(struct pager *pager, const struct pager_vm *vm, uint32_t state_offset) {
    const struct uart *uart = committed(pager, state_offset);
    if (vm->out && ring_load(&vm->out->head) != uart->head) {
        expect_told(publish_bytes(vm->out, uart->head, pager->console));
    }
    if (vm->in) {
        ring_store(&vm->in->tail, uart->tail);
    }
    gic_settle(pager, vm);
}

static void uart_open(struct pager *pager, const struct pager_device *device) {
    const struct pager_vm *vm = device->vm;
    if (pager->state.fresh) {
        // Rings that were in use before go on from where they are.
        const struct uart *from = committed(pager, device->state_offset);
        struct uart uart = *from;
        uart.head = vm->out ? ring_load(&vm->out->head) : 0;
        uart.tail = vm->in ? ring_load(&vm->in->tail) : 0;
        change(pager, from, &uart);
        state_commit(&pager->state);
    }
    const struct uart *uart = committed(pager, device->state_offset);
    if (vm->out) {
        // The server before may have said that it tells the console, and not have done it.
        ring_store(&vm->out->head, uart->head);
        expect_told(rt_signal(pager->console));
    }
    if (vm->in) {
        ring_store(&vm->in->tail, uart->tail);
    }
}

static void uart_input(struct pager *pager, const struct pager_device *device) {
    const struct uart *from = committed(pager, device->state_offset);
    struct uart uart = *from;
    finish(pager, device->vm, device->line, from, &uart);
    if (pager->state.changes) {
        state_commit(&pager->state);
        publish(pager, device->vm, device->state_offset);
    }
}

static const void *uart_object(const struct pager *pager, const struct pager_vm *vm) {
    const struct pager_device *device = pager->device;
    while (device->vm != vm || device->model != &pl011_uart) {
        device++; // it is there: it is asked for because it was loaded from
    }
    return device;
}

static uint64_t uart_look(const void *object, uint64_t offset, unsigned size) {
    const struct pager_device *device = object;
    (void)size;
    if (offset < PL011_RSR) {
        rt_handle_rest(pager.loaded.base + offset, ACCESS_READ, 0, pager.decoded.given, 0, 0, 0, 0);
    }
    return pl011_read(&committed(&pager, device->state_offset)->registers, offset);
}

// From PL011_DR: what was received is gone then.
static uint64_t uart_load(const struct device_access *access) {
    struct pager *pager = access->pager;
    const uint64_t *seen = emulate_seen(pager, access->vm, access->record);
    const struct uart *from = committed(pager, access->state_offset);
    if (*seen == access->record->seq) {
        return from->registers.last;
    }
    struct uart uart = *from;
    uint32_t value = pl011_take(&uart.registers);
    finish(pager, access->vm, access->line, from, &uart);
    state_set(&pager->state, seen, access->record->seq);
    state_commit(&pager->state);
    publish(pager, access->vm, access->state_offset);
    return value;
}

// How many bytes find room in the output ring. A function of its own, so that a test that strikes
// from outside can make the server believe that there is none.
__attribute__((noinline)) static uint64_t uart_room(const struct ring *out, uint64_t head) {
    return ring_writable(head, ring_load(&out->tail));
}

// Whether a byte finds room there. The console is asked to make some where there is none.
static bool has_room(const struct pager *pager, const struct ring *out, uint64_t head) {
    if (!out) {
        return false;
    }
    if (uart_room(out, head) > 0) {
        return true;
    }
    struct rt_words request = {.word = {CONSOLE_FLUSH}};
    if (rt_call(pager->console, &request) != STATUS_OK) {
        rt_log("the console can't be called: what guests write is lost");
    }
    return uart_room(out, head) > 0;
}

static void uart_store(const struct device_access *access) {
    struct pager *pager = access->pager;
    const struct uart *from = committed(pager, access->state_offset);
    struct ring *out = access->vm->out;
    bool room = access->offset == PL011_DR && has_room(pager, out, from->head);
    if (room && pl011_only_sends(&from->registers)) {
        // What happens most: nothing but the count changes.
        out->data[from->head % RING_BYTES] = (char)access->value;
        state_set(&pager->state, &from->head, from->head + 1);
        return;
    }
    struct uart uart = *from;
    int sent = pl011_write(&uart.registers, access->offset, (uint32_t)access->value);
    if (sent != PL011_NOTHING && room) {
        out->data[uart.head % RING_BYTES] = (char)sent;
        uart.head++;
    }
    finish(pager, access->vm, access->line, from, &uart);
}

static void uart_stored(const struct device_access *access) {
    publish(access->pager, access->vm, access->state_offset);
}

static const struct device_effects effects = {
    .open = uart_open,
    .input = uart_input,
    .load = uart_load,
    .quiet = PL011_RSR,
    .look = uart_look,
    .object = uart_object,
    .store = uart_store,
    .stored = uart_stored,
};

const struct device_model pl011_uart = {
    .name = "pl011",
    .sizes = 1 | 2 | 4,
    .words = DEVICE_WORDS,
    .interrupts = true,
    .reset = uart_reset,
    .effects = &effects,
};
