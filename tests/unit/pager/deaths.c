// Servers that die (board.h).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fakert/step.h"
#include "tests/unit/pager/board.h"

struct reply board_serve(const struct message *record) {
    board_config();
    fakert_send(record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 1);
    return fakert.answer[0];
}

const char *board_arrives = "";

static struct pager victim;
static struct message served;

static void serve_by_victim(void *argument) {
    (void)argument;
    struct reply reply = {0};
    pager_serve(&victim, &served, &reply);
}

struct reply board_die_everywhere(const struct message *record) {
    static struct board end;
    struct step_images images;
    const char *wrong;
    served = *record;
    board_config();
    assert_int_equal(pager_configure(&victim, rt_config, &wrong), STATUS_OK);
    assert_int_equal(pager_adopt(&victim, board->state, sizeof(board->state)), STATUS_OK);
    board_type_text(board_arrives);
    if (!step_run(serve_by_victim, NULL, board, sizeof(*board), &images)) {
        skip();
    }
    struct reply undisturbed = board_serve(record);
    memcpy(&end, board, sizeof(end));
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(board, images.image[i], sizeof(*board));
        struct reply reply = board_serve(record);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        // Whether the console was told later, or, by a server that has just begun, now, is the
        // same.
        board->out.reserved = end.out.reserved = 0;
        assert_memory_equal(&board->out, &end.out, sizeof(end.out));
        assert_memory_equal(&board->in, &end.in, sizeof(end.in));
        assert_memory_equal(board_core(0), end.core[end.now], sizeof(end.core[0]));
        struct state_header *found = (void *)board->state, *wanted = (void *)end.state;
        uint32_t size = wanted->slot_size;
        assert_memory_equal(board->state + STATE_SLOTS_AT + found->active * size,
                            end.state + STATE_SLOTS_AT + wanted->active * size, size);
    }
    assert_true(images.count > 3);
    step_free(&images);
    return undisturbed;
}
