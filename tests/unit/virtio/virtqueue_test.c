// The queue alone: many requests at once, answered in any order, and rings full of nonsense.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libs/virtio/virtqueue.h"

#define SIZE 16u
#define AT 0x1000000u // the device's address of the memory

// Where the rings lie, from the specification's figures for 16 entries (2.7.2): 16 * 16 bytes of
// descriptors, 6 + 2 * 16 of the available ring, the used one at the next multiple of 4.
#define AVAILABLE 256u
#define USED 296u
#define BYTES (USED + 6 + 8 * SIZE)

static _Alignas(16) uint8_t memory[BYTES];
static struct virtqueue queue;

static int make(void **state) {
    (void)state;
    memset(memory, 0xee, sizeof(memory));
    const struct virtio_memory given = {memory, AT, sizeof(memory)};
    return virtqueue_init(&queue, SIZE, &given);
}

static uint16_t get16(unsigned at) { return (uint16_t)(memory[at] | memory[at + 1] << 8); }

static void put(unsigned at, uint64_t value, unsigned size) { memcpy(memory + at, &value, size); }

// The device's answer number COUNT, from 0.
static void answer(unsigned count, uint32_t id, uint32_t length) {
    unsigned at = USED + 4 + 8 * (count % SIZE);
    put(at, id, 4);
    put(at + 4, length, 4);
    put(USED + 2, count + 1, 2);
}

static enum status offer(unsigned count, uint16_t *head) {
    struct virtqueue_buffer buffers[SIZE + 1];
    for (unsigned i = 0; i < count; i++)
        buffers[i] = (struct virtqueue_buffer){0x1000 * i, 100 + i, i > 0};
    return virtqueue_offer(&queue, buffers, count, head);
}

static void test_sizes_and_alignment(void **state) {
    (void)state;
    struct virtio_memory given = {memory, AT, sizeof(memory)};
    assert_int_equal(VIRTQUEUE_BYTES(SIZE), BYTES);
    assert_int_equal(queue.descriptors_at, AT);
    assert_int_equal(queue.available_at, AT + AVAILABLE);
    assert_int_equal(queue.used_at, AT + USED);
    assert_int_equal(virtqueue_init(&queue, 0, &given), STATUS_INVALID);
    assert_int_equal(virtqueue_init(&queue, 12, &given), STATUS_INVALID);
    assert_int_equal(virtqueue_init(&queue, 2 * VIRTQUEUE_SIZE_MAX, &given), STATUS_INVALID);
    assert_int_equal(virtqueue_init(&queue, 32, &given), STATUS_NO_MEMORY);
    given.size--;
    assert_int_equal(virtqueue_init(&queue, SIZE, &given), STATUS_NO_MEMORY);
    given = (struct virtio_memory){memory, AT + 8, sizeof(memory)};
    assert_int_equal(virtqueue_init(&queue, SIZE, &given), STATUS_INVALID);
}

// The bytes in memory are those of the specification (2.7.5, 2.7.6).
static void test_layout_of_a_request(void **state) {
    (void)state;
    const struct virtqueue_buffer buffers[] = {{0x1122334455667788, 0x99aabbcc, false},
                                               {0xd00d, 0xfeed, true}};
    uint16_t head;
    assert_int_equal(virtqueue_offer(&queue, buffers, 2, &head), STATUS_OK);
    assert_int_equal(head, 0);
    static const uint8_t expected[] = {
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xcc, 0xbb, 0xaa, 0x99, 1, 0, 1, 0,
        0x0d, 0xd0, 0,    0,    0,    0,    0,    0,    0xed, 0xfe, 0,    0,    2, 0, 0, 0};
    assert_memory_equal(memory, expected, sizeof(expected));
    static const uint8_t ring[] = {0, 0, 1, 0, 0, 0};
    assert_memory_equal(memory + AVAILABLE, ring, sizeof(ring));
    virtqueue_set_interrupts(&queue, false);
    assert_int_equal(get16(AVAILABLE), 1);
    virtqueue_set_interrupts(&queue, true);
    assert_int_equal(get16(AVAILABLE), 0);
    assert_true(virtqueue_wants_notice(&queue));
    put(USED, 1, 2);
    assert_false(virtqueue_wants_notice(&queue));
}

static void test_requests_that_are_refused(void **state) {
    (void)state;
    uint16_t head;
    assert_int_equal(offer(0, &head), STATUS_INVALID);
    assert_int_equal(offer(SIZE + 1, &head), STATUS_NO_MEMORY);
    struct virtqueue_buffer buffers[] = {{0, 1, true}, {0, 1, false}};
    assert_int_equal(virtqueue_offer(&queue, buffers, 2, &head), STATUS_INVALID);
    buffers[1] = (struct virtqueue_buffer){0, 0, true};
    assert_int_equal(virtqueue_offer(&queue, buffers, 2, &head), STATUS_INVALID);
    buffers[1].size = UINT32_MAX;
    assert_int_equal(virtqueue_offer(&queue, buffers, 2, &head), STATUS_RANGE);
    assert_int_equal(get16(AVAILABLE + 2), 0); // the device saw none of them
    assert_int_equal(offer(SIZE, &head), STATUS_OK);
    assert_int_equal(offer(1, &head), STATUS_NO_MEMORY);
}

// Requests of all sizes are offered and answered in random order; every descriptor comes back.
static void test_any_order(void **state) {
    (void)state;
    struct {
        uint16_t head;
        unsigned count;
    } flight[SIZE];
    unsigned flying = 0, used = 0, entries = 0;
    srand(1);
    for (unsigned i = 0; i < 300000; i++) {
        unsigned count = 1 + (unsigned)rand() % 5;
        uint16_t head;
        uint32_t written;
        if (rand() % 2 && entries + count <= SIZE) {
            assert_int_equal(offer(count, &head), STATUS_OK);
            for (unsigned j = 0; j < flying; j++)
                assert_int_not_equal(flight[j].head, head);
            flight[flying].head = head;
            flight[flying++].count = count;
            entries += count;
        } else if (flying > 0) {
            unsigned which = (unsigned)rand() % flying;
            uint32_t length = flight[which].count > 1 ? 100 + flight[which].count - 1 : 0;
            answer(used++, flight[which].head, length);
            assert_int_equal(virtqueue_take(&queue, &head, &written), STATUS_OK);
            assert_int_equal(head, flight[which].head);
            assert_int_equal(written, length);
            entries -= flight[which].count;
            flight[which] = flight[--flying];
        }
        assert_int_equal(queue.free_count, SIZE - entries);
        if (flying == 0 || i % 3 == 0)
            assert_int_equal(virtqueue_take(&queue, &head, &written), STATUS_BUSY);
    }
}

static void test_answers_to_nothing(void **state) {
    (void)state;
    static const struct {
        uint32_t id, length;
        uint16_t index;
    } cases[] = {{1, 0, 1},   {2, 0, 1}, {SIZE, 0, 1},   {0xffffffff, 0, 1}, {0x10000, 0, 1},
                 {0, 204, 1}, {0, 0, 2}, {0, 0, 0xffff}, {0, 0xffffffff, 1}, {3, 1, 1}};
    uint16_t head;
    uint32_t written;
    answer(0, 0, 0);
    assert_int_equal(virtqueue_take(&queue, &head, &written),
                     STATUS_CORRUPT); // nothing is in flight
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(NULL);
        assert_int_equal(offer(3, &head), STATUS_OK); // 101 + 102 bytes to write
        answer(0, cases[i].id, cases[i].length);
        put(USED + 2, cases[i].index, 2);
        assert_int_equal(virtqueue_take(&queue, &head, &written), STATUS_CORRUPT);
    }
    make(NULL);
    assert_int_equal(offer(3, &head), STATUS_OK);
    answer(0, 0, 203);
    assert_int_equal(virtqueue_take(&queue, &head, &written), STATUS_OK);
    assert_int_equal(written, 203);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sizes_and_alignment, make),
        cmocka_unit_test_setup(test_layout_of_a_request, make),
        cmocka_unit_test_setup(test_requests_that_are_refused, make),
        cmocka_unit_test_setup(test_any_order, make),
        cmocka_unit_test_setup(test_answers_to_nothing, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
