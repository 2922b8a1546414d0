// A server that dies of every exit of a guest, each time anew.
#include "libs/rt/rt.h"
#include "wrong.h"

static void serve(void *state, const struct message *record, struct reply *reply) {
    (void)state, (void)reply;
    if (MESSAGE_CLASS(record->info) < EXIT_GUEST_CLASSES) {
        wrong_instruction();
    }
}

int main(void) { rt_serve(serve, NULL); }
