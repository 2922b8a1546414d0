// The guest's UART, a PL011 ("arm,pl011"), between two rings that the console server has the other
// ends of. A byte that is sent goes into the output ring beyond what is published, then the commit
// makes it, the registers and the exit's sequence number true together, then it is published. Input
// is taken into the receiver's FIFO where the guest looks.
#include <string.h>

#include "ipc/console.h"
#include "libs/pl011/pl011.h"
#include "libs/ring/bytes.h"
#include "servers/npf-pager/emulate.h"

// The device's words: the registers, and the rings' counters.
enum uart_word {
    UART_HEAD = sizeof(struct pl011) / 8, // bytes ever sent; the output ring's head follows it
    UART_TAIL,                            // bytes ever received; the input ring's tail follows it
    UART_WORDS,
};

static_assert(UART_WORDS <= DEVICE_WORDS, "there is room");

static void uart_reset(uint64_t *word, uint64_t epoch) {
    (void)epoch;
    struct pl011 uart;
    pl011_reset(&uart);
    memcpy(word, &uart, sizeof(uart));
}

static const uint64_t *words(const struct device_access *access) {
    return emulate_words(access->pager, access->state_offset);
}

static struct pl011 registers(const uint64_t *word) {
    struct pl011 uart;
    memcpy(&uart, word, sizeof(uart));
    return uart;
}

// What is different from the device's WORD becomes part of the next commit.
static void change(struct pager *pager, const uint64_t *word, const struct pl011 *uart,
                   uint64_t head, uint64_t tail) {
    uint64_t new[UART_WORDS];
    memcpy(new, uart, sizeof(*uart));
    new[UART_HEAD] = head;
    new[UART_TAIL] = tail;
    for (unsigned i = 0; i < UART_WORDS; i++) {
        if (new[i] != word[i]) {
            state_set(&pager->state, &word[i], new[i]);
        }
    }
}

static void publish_output(const struct pager *pager, const struct pager_vm *vm, uint64_t head) {
    ring_store(&vm->out->head, head);
    if (rt_signal(pager->console) != STATUS_OK) {
        rt_log("the console's portal is not there: nobody looks at what guests write");
    }
}

static void uart_open(struct pager *pager, const struct pager_vm *vm, uint32_t state_offset) {
    const uint64_t *word = emulate_words(pager, state_offset);
    if (pager->state.fresh) {
        // Rings that were in use before go on from where they are.
        struct pl011 uart = registers(word);
        change(pager, word, &uart, vm->out ? ring_load(&vm->out->head) : 0,
               vm->in ? ring_load(&vm->in->tail) : 0);
        state_commit(&pager->state);
        word = emulate_words(pager, state_offset);
    }
    if (vm->out) {
        publish_output(pager, vm, word[UART_HEAD]);
    }
    if (vm->in) {
        ring_store(&vm->in->tail, word[UART_TAIL]);
    }
}

// What was typed arrives, as far as there is room. Returns the new tail.
static uint64_t receive(const struct ring *in, struct pl011 *uart, uint64_t tail) {
    uint64_t waiting = in ? ring_readable(ring_load(&in->head), tail) : 0;
    while (waiting > 0 && pl011_room(uart) > 0) {
        uint8_t byte;
        bytes_get(in, tail, &byte, 1);
        pl011_offer(uart, byte);
        tail++;
        waiting--;
    }
    return tail;
}

static uint64_t uart_load(const struct device_access *access) {
    struct pager *pager = access->pager;
    const uint64_t *word = words(access);
    const uint64_t *seen = emulate_seen(pager, access->vm, access->record);
    struct pl011 uart = registers(word);
    if (access->offset == PL011_DR && *seen == access->record->seq) {
        return uart.last;
    }
    uint64_t tail = receive(access->vm->in, &uart, word[UART_TAIL]);
    uint32_t value = pl011_read(&uart, access->offset);
    change(pager, word, &uart, word[UART_HEAD], tail);
    if (access->offset == PL011_DR) {
        state_set(&pager->state, seen, access->record->seq);
    }
    if (pager->state.changes) {
        bool taken = tail != word[UART_TAIL];
        state_commit(&pager->state);
        if (taken) {
            ring_store(&access->vm->in->tail, tail);
        }
    }
    return value;
}

// Whether a byte finds room in the output ring. The console is asked to make some where there is
// none.
static bool has_room(const struct pager *pager, const struct ring *out, uint64_t head) {
    if (!out) {
        return false;
    }
    if (ring_writable(head, ring_load(&out->tail)) == 0) {
        struct rt_words request = {.word = {CONSOLE_FLUSH}};
        if (rt_call(pager->console, &request) != STATUS_OK) {
            rt_log("the console can't be called: what guests write is lost");
        }
    }
    return ring_writable(head, ring_load(&out->tail)) > 0;
}

static void uart_store(const struct device_access *access) {
    struct pager *pager = access->pager;
    const uint64_t *word = words(access);
    struct ring *out = access->vm->out;
    struct pl011 uart = registers(word);
    uint64_t head = word[UART_HEAD];
    int sent = pl011_write(&uart, access->offset, (uint32_t)access->value);
    if (sent != PL011_NOTHING && has_room(pager, out, head)) {
        uint8_t byte = (uint8_t)sent;
        bytes_put(out, head, &byte, 1);
        head++;
    }
    change(pager, word, &uart, head, word[UART_TAIL]);
}

static void uart_stored(const struct device_access *access) {
    uint64_t head = words(access)[UART_HEAD];
    if (access->vm->out && ring_load(&access->vm->out->head) != head) {
        publish_output(access->pager, access->vm, head);
    }
}

static const struct device_effects effects = {
    .open = uart_open,
    .load = uart_load,
    .store = uart_store,
    .stored = uart_stored,
};

const struct device_model pl011_uart = {
    .name = "pl011",
    .sizes = 1 | 2 | 4,
    .words = DEVICE_WORDS,
    .reset = uart_reset,
    .effects = &effects,
};
