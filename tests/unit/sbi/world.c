#include "tests/unit/sbi/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct world *world;
int (*world_server)(void) = sbi_server_main;

static uint64_t last_seq[2][2];

static struct config_entry *window(const char *name, void *at, size_t size) {
    struct config_entry *entry = fakert_entry(name, CONFIG_WINDOW);
    entry->address = (uint64_t)(uintptr_t)at;
    entry->size = size;
    entry->rights = RIGHT_R | RIGHT_W;
    return entry;
}

static void ram(uint64_t guest, uint64_t end, uint64_t rights) {
    struct config_entry *entry =
        window("guest-ram-0", world->ram + (guest - WORLD_RAM), end - guest);
    entry->guest = guest;
    entry->rights = rights;
}

void world_config(void) {
    fakert_entry("console", CONFIG_CAP)->slot = WORLD_CONSOLE;
    fakert_entry("init", CONFIG_CAP)->slot = WORLD_INIT;
    window("state", world->state, sizeof(world->state));
    fakert_entry("vcpus-0", CONFIG_NUMBER)->address = 2;
    fakert_entry("vcpus-7", CONFIG_NUMBER)->address = 1;
    window("console-out-0", &world->out[0], sizeof(struct ring));
    window("console-out-7", &world->out[1], sizeof(struct ring));
    window("console-in-0", &world->in, sizeof(struct ring));
    ram(WORLD_RAM, WORLD_SECOND, RIGHT_R | RIGHT_W);
    ram(WORLD_SECOND, WORLD_RAM + WORLD_RAM_SIZE, RIGHT_R);
}

int world_begin(void **unused) {
    (void)unused;
    if (!world) {
        world = step_memory(sizeof(*world));
    }
    memset(world, 0, sizeof(*world));
    world->out[0].magic = world->out[1].magic = world->in.magic = RING_MAGIC;
    for (uint32_t i = 0; i < WORLD_RAM_SIZE; i++) {
        world->ram[i] = (uint8_t)('a' + i % 26);
    }
    memset(last_seq, 0, sizeof(last_seq));
    fakert_reset();
    world_config();
    return 0;
}

struct message world_hypercall(uint64_t vm, unsigned hart, const uint64_t words[MESSAGE_WORDS]) {
    struct message record = fakert_record(EXIT_HYPERCALL, vm, hart, ++last_seq[vm != 0][hart]);
    memcpy(record.word, words, sizeof(record.word));
    return record;
}

struct message world_record(uint64_t vm, unsigned hart, uint64_t eid, uint64_t fid, uint64_t a0,
                            uint64_t a1, uint64_t a2) {
    const uint64_t words[MESSAGE_WORDS] = {a0, a1, a2, 0x33, 0x44, 0x55, fid, eid};
    return world_hypercall(vm, hart, words);
}

struct reply world_serve(const struct message *record) {
    void (*on_call)(unsigned, struct rt_words *) = fakert.on_call;
    uint64_t now = fakert.now;
    fakert_reset();
    world_config();
    fakert.on_call = on_call;
    fakert.now = now;
    fakert_send(record);
    assert_int_equal(fakert_run(world_server), FAKERT_WAITING);
    assert_true(fakert_is_valid(record, fakert_only_answer()));
    return *fakert_only_answer();
}

struct reply world_call_from(uint64_t vm, unsigned hart, uint64_t eid, uint64_t fid, uint64_t a0,
                             uint64_t a1, uint64_t a2) {
    struct message record = world_record(vm, hart, eid, fid, a0, a1, a2);
    return world_serve(&record);
}

struct reply world_call(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2) {
    return world_call_from(0, 0, eid, fid, a0, a1, a2);
}

void world_expect(struct reply reply, int64_t error, uint64_t value) {
    assert_int_equal(reply.flags, REPLY_HYPERCALL);
    assert_int_equal(reply.word[0], error);
    assert_int_equal(reply.word[1], value);
}

void world_type(const char *text) {
    for (; *text; text++) {
        world->in.data[world->in.head++ % RING_BYTES] = *text;
    }
}

const char *world_output(unsigned vm) {
    static char text[RING_BYTES + 1];
    const struct ring *ring = &world->out[vm];
    assert_true(ring->head <= RING_BYTES);
    memcpy(text, ring->data, ring->head);
    text[ring->head] = '\0';
    return text;
}
