#include "servers/sbi-server/console.h"

#include "libs/ring/bytes.h"

static const struct firmware_console_state *counters(const struct firmware_call *call) {
    return &call->state->console[call->place];
}

uint64_t console_room(const struct firmware_call *call) {
    const struct ring *ring = call->vm->out;
    return ring ? ring_writable(counters(call)->head, ring_load(&ring->tail)) : 0;
}

uint32_t console_full(const struct firmware_call *call) {
    return call->vm->out && !call->flushed ? FIRMWARE_FLUSH : 0;
}

uint32_t console_write(struct firmware_call *call, const uint8_t *bytes, uint64_t size) {
    struct ring *ring = call->vm->out;
    uint64_t head = counters(call)->head;
    bytes_put(ring, head, bytes, size);
    state_set(&call->firmware->state, &counters(call)->head, head + size);
    return FIRMWARE_OUTPUT;
}

uint64_t console_waiting(const struct firmware_call *call) {
    const struct ring *ring = call->vm->in;
    return ring ? ring_readable(ring_load(&ring->head), counters(call)->tail) : 0;
}

uint32_t console_read(struct firmware_call *call, uint8_t *bytes, uint64_t size) {
    const struct ring *ring = call->vm->in;
    uint64_t tail = counters(call)->tail;
    bytes_get(ring, tail, bytes, size);
    state_set(&call->firmware->state, &counters(call)->tail, tail + size);
    return FIRMWARE_INPUT;
}
