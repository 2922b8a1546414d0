// The called half of the measurement of IPC: answers every call with its own words.
#include "libs/rt/rt.h"

static void echo(void *state, const struct message *record, struct reply *reply) {
    (void)state;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        reply->word[i] = record->word[i];
    }
}

// The words are where the reply wants them.
void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    if (MESSAGE_CLASS(rt_record.info) == EXIT_CALL) {
        rt_reply_call(word0, word1, word2, word3, word4, word5, word6, word7);
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}

int main(void) { rt_serve(echo, NULL); }
