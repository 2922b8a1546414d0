// timer-server: turns expired deadlines into guests' timer interrupts, and lets idle guests wait.
// It needs nothing of its config.
#include <stddef.h>

#include "servers/timer-server/timer.h"

// The shortest way of what happens most.
void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    if (__builtin_expect(MESSAGE_CLASS(rt_record.info) == EXIT_TIMER, 1)) {
        rt_reply_effects(TIMER_EXPIRED);
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}

int main(void) { rt_serve(timer_serve, NULL); }
