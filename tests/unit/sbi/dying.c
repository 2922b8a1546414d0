#include "tests/unit/sbi/dying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct firmware victim;
static struct message served;

static void serve(void *argument) {
    (void)argument;
    struct reply reply = {0};
    firmware_serve(&victim, &served, &reply);
}

// The server that is going to die, past its beginning.
static void prepare_victim(void) {
    const char *wrong;
    assert_int_equal(firmware_configure(&victim, rt_config, &wrong), STATUS_OK);
    assert_int_equal(firmware_adopt(&victim, world->state, sizeof(world->state)), STATUS_OK);
}

// What others may see is never ahead of the state: it could not be taken back.
static void expect_nothing_ahead(const struct world *now) {
    const struct state_header *header = (const void *)now->state;
    const struct firmware_state *state =
        (const void *)(now->state + STATE_SLOTS_AT + header->active * header->slot_size);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(now->out[i].head <= state->console[i].head);
    }
    assert_true(now->in.tail <= state->console[0].tail);
}

static void expect_same_world(const struct world *a, const struct world *b) {
    for (unsigned i = 0; i < 2; i++) {
        // But for `reserved`: a server that has just begun has signalled, and needs not say so.
        assert_int_equal(a->out[i].head, b->out[i].head);
        assert_int_equal(a->out[i].tail, b->out[i].tail);
        assert_memory_equal(a->out[i].data, b->out[i].data, sizeof(a->out[i].data));
    }
    assert_memory_equal(&a->in, &b->in, sizeof(a->in));
    assert_memory_equal(a->ram, b->ram, sizeof(a->ram));
    // Of the region, what counts: which of the slots it is may differ.
    struct state mine, other;
    const struct state_layout layout = {"sbi-server", FIRMWARE_STATE_VERSION,
                                        sizeof(struct firmware_state), NULL, NULL};
    static _Alignas(8) uint8_t copy[2][sizeof(a->state)];
    memcpy(copy[0], a->state, sizeof(copy[0]));
    memcpy(copy[1], b->state, sizeof(copy[1]));
    assert_int_equal(state_open(&mine, copy[0], sizeof(copy[0]), &layout), STATUS_OK);
    assert_int_equal(state_open(&other, copy[1], sizeof(copy[1]), &layout), STATUS_OK);
    assert_memory_equal(state_current(&mine), state_current(&other), sizeof(struct firmware_state));
}

void dying_everywhere(const struct message *record) {
    static struct world begin, end;
    struct step_images images;
    served = *record;
    prepare_victim();
    begin = *world;
    if (!step_run(serve, NULL, world, sizeof(*world), &images)) {
        skip();
    }
    struct reply undisturbed = world_serve(record);
    end = *world;
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(world, images.image[i], sizeof(*world));
        expect_nothing_ahead(world);
        struct reply reply = world_serve(record);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        expect_same_world(world, &end);
        reply = world_serve(record);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        expect_same_world(world, &end);
    }
    assert_true(images.count > 3);
    assert_memory_equal(images.image[0], &begin, sizeof(begin));
    step_free(&images);
}
