// A server that dies of every exit of a guest, each time anew.
#include "libs/rt/rt.h"

static void serve(void *state, const struct message *record, struct reply *reply) {
    (void)state, (void)reply;
    if (MESSAGE_CLASS(record->info) < EXIT_GUEST_CLASSES) {
        __asm__ volatile("unimp");
    }
}

int main(void) { rt_serve(serve, NULL); }
