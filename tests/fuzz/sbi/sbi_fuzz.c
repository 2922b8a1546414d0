// Any calls of any harts with any arguments, repeated, with servers that die in between and a
// console that takes what it likes. Every call gets an answer that the core takes; one that comes
// again gets the same answer and does nothing more; and what is on the console is what the answers
// say was written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sbi/world.h"

#define DBCN 0x4442434e

static struct {
    const uint8_t *at, *end;
} input;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static uint64_t next_word(void) {
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | next();
    }
    return word;
}

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t next_extension(void) {
    static const uint64_t extensions[] = {
        0, 1,    2,          3,        4,          5,        6,          7,
        8, 0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, DBCN};
    uint8_t which = next();
    return which < 0xf0 ? extensions[which % 16] : next_word();
}

// Numbers near those where something begins or ends.
static uint64_t next_argument(void) {
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     64,
                                     WORLD_RAM,
                                     WORLD_SECOND,
                                     WORLD_RAM + WORLD_RAM_SIZE,
                                     1u << 31,
                                     1ull << 32,
                                     1ull << 63,
                                     UINT64_MAX,
                                     RING_BYTES,
                                     WORLD_RAM_SIZE,
                                     0x1000};
    uint8_t which = next();
    if (which >= 0xe0) {
        return next_word();
    }
    return edges[which % (sizeof(edges) / sizeof(edges[0]))] + (uint64_t)(int64_t)(int8_t)next();
}

static void console_takes(unsigned portal, struct rt_words *words) {
    (void)portal;
    *words = (struct rt_words){0};
    world->out[0].tail = world->out[0].head;
}

// Serves RECORD by a new server, after others that die on it.
static struct reply serve(const struct message *record, unsigned deaths) {
    for (unsigned i = 1; i <= deaths; i++) {
        fakert_reset();
        world_config();
        fakert.on_call = console_takes;
        fakert.kill_at = i;
        fakert_send(record);
        enum fakert_end end = fakert_run(sbi_server_main);
        require(end == FAKERT_KILLED || end == FAKERT_WAITING);
    }
    fakert.on_call = console_takes;
    return world_serve(record);
}

static bool writes(const struct message *record, const struct reply *reply, uint64_t *count) {
    uint64_t eid = record->word[7];
    bool succeeded = reply->flags == REPLY_HYPERCALL && reply->word[0] == 0;
    if (eid == DBCN && record->word[6] == 0) {
        *count = succeeded ? reply->word[1] : 0;
    } else if (eid == 1 || (eid == DBCN && record->word[6] == 2)) {
        *count = succeeded;
    } else {
        return false;
    }
    return true;
}

// The bytes that the call says it wrote, at AT in the ring.
static void check_written(const struct message *record, uint64_t at, uint64_t count) {
    const struct ring *ring = &world->out[record->badge != 0];
    for (uint64_t i = 0; i < count; i++) {
        uint8_t expected = (uint8_t)record->word[0];
        if (record->word[7] == DBCN && record->word[6] == 0) {
            require(record->word[1] - WORLD_RAM + i < WORLD_RAM_SIZE);
            expected = world->ram[record->word[1] - WORLD_RAM + i];
        }
        require((uint8_t)ring->data[(at + i) % RING_BYTES] == expected);
    }
}

static void call(void) {
    uint8_t who = next();
    uint64_t vm = who & 1 ? WORLD_OTHER : 0;
    unsigned hart = vm == 0 ? who >> 1 & 1 : 0;
    uint64_t eid = next_extension();
    uint64_t fid = who & 0x80 ? next_argument() : who >> 2 & 7;
    uint64_t a0 = next_argument(), a1 = next_argument(), a2 = who & 0x40 ? next_argument() : 0;
    struct message record = world_record(vm, hart, eid, fid, a0, a1, a2);
    struct ring *ring = &world->out[vm != 0];
    uint64_t head = ring->head;
    struct reply reply = serve(&record, who >> 5 & 1 ? 4 : 0);
    uint64_t count = 0;
    writes(&record, &reply, &count);
    require(ring->head == head + count);
    check_written(&record, head, count);
    struct reply again = serve(&record, 0);
    require(memcmp(&reply, &again, sizeof(reply)) == 0);
    require(ring->head == head + count);
}

static void other_record(void) {
    static const enum exit_class classes[] = {EXIT_SYSREG, EXIT_SHUTDOWN, EXIT_CALL, EXIT_SIGNAL};
    struct message record = fakert_record(classes[next() % 4], next() % 2 ? WORLD_OTHER : 0, 0, 1);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        record.word[i] = next_word();
    }
    world_serve(&record);
}

static void do_step(void) {
    switch (next() % 8) {
    case 0:
        world->out[0].tail += next() % (world->out[0].head - world->out[0].tail + 1);
        break;
    case 1:
        if (ring_writable(world->in.head, world->in.tail) > 8) {
            world_type("typed");
        }
        break;
    case 2:
        other_record();
        break;
    default:
        call();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + size;
    world_begin(NULL);
    for (unsigned steps = 0; input.at < input.end && steps < 40; steps++) {
        do_step();
    }
    return 0;
}
