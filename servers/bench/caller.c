// The calling half of the measurement of IPC: calls, with eight words that come back, and says how
// many instructions a call and its reply take, from before the call to behind it.
#include <stdlib.h>
#include <string.h>

#include "libs/rt/rt.h"

#define ROUNDS 201

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void idle(void *state, const struct message *record, struct reply *reply) {
    (void)state, (void)record, (void)reply;
}

int main(void) {
    static uint64_t taken[ROUNDS];
    unsigned portal = rt_need("ipc-callee")->slot;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct rt_words words = {.word = {i, 1, 2, 3, 4, 5, 6, 7}};
        uint64_t begin = rt_instructions();
        enum status status = rt_call_inline(portal, &words);
        taken[i] = rt_instructions() - begin;
        if (status != STATUS_OK || words.word[0] != i || words.word[7] != 7) {
            rt_die("bench: the call number %u came back wrong: %s", i, status_text(status));
        }
    }
    // The median: a tick of the host may fall into a round. One of the two reads is counted too.
    qsort(taken, ROUNDS, sizeof(taken[0]), ascending);
    rt_log("bench ipc_call_reply %lu", (unsigned long)taken[ROUNDS / 2] - 1);
    rt_serve(idle, NULL);
}
