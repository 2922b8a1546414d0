#include "servers/timer-server/timer.h"

// The guest gets its timer interrupt. Raising one that is pending already changes nothing; it is
// taken back when the guest sets its next deadline.
static void expire(struct reply *reply) { reply->flags = TIMER_EXPIRED; }

// The guest goes on behind its WFI, but not before there is something to go on for.
static void idle(const struct message *record, struct reply *reply) {
    bool pending = record->word[1] != 0;
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE | (pending ? 0 : REPLY_PARK);
    reply->word[6] = record->word[2];
}

// What is no guest's exit, or none of those above.
__attribute__((noinline, cold)) static void other(const struct message *record,
                                                  struct reply *reply) {
    enum exit_class c = MESSAGE_CLASS(record->info);
    switch (c) {
    case EXIT_SIGNAL:
        return;
    case EXIT_CALL:
        reply->word[0] = STATUS_UNSUPPORTED;
        return;
    case EXIT_REFUSED:
        rt_die("the core refused the answer to exit %llu of VM %llu: %s",
               (unsigned long long)record->seq, (unsigned long long)record->badge,
               status_text((enum status)record->word[0]));
    default:
        rt_die("no exits of class %s are served here: the manifest routes them wrongly",
               exit_class_name(c));
    }
}

void timer_serve(void *state, const struct message *record, struct reply *reply) {
    (void)state;
    enum exit_class c = MESSAGE_CLASS(record->info);
    if (__builtin_expect(c == EXIT_TIMER, 1)) {
        expire(reply);
    } else if (__builtin_expect(c == EXIT_IDLE, 1)) {
        idle(record, reply);
    } else {
        other(record, reply);
    }
}
