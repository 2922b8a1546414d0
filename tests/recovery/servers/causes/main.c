// timer-server, which dies in every way there is: one way at each record that comes for the first
// time, until it has died in all of them. Each way is a function, so that the report names it.
#include <stddef.h>
#include <stdlib.h>

#include "served.h"
#include "wrong.h"

#define OTHERS 0x60000000ull // nothing of its own is there
#define TOO_MUCH (1u << 20)

#define WAY __attribute__((noinline)) static void

static volatile uint8_t *at(uint64_t address) {
    __asm__("" : "+r"(address));
    return (volatile uint8_t *)(uintptr_t)address;
}

WAY load_elsewhere(void) { (void)*at(OTHERS); }

WAY store_to_text(void) { *at((uint64_t)&load_elsewhere) = 0; }

WAY jump_elsewhere(void) { ((void (*)(void))(uintptr_t)at(OTHERS))(); }

WAY illegal_instruction(void) { wrong_instruction(); }

WAY privileged_instruction(void) { wrong_register(); }

WAY stop_itself(void) { wrong_breakpoint(); }

WAY loop_for_ever(void) {
    for (;;) {
        __asm__ volatile("");
    }
}

// Signals slot 0, which is always empty.
WAY call_for_ever(void) {
    for (;;) {
        (void)!rt_signal(0);
    }
}

WAY leave(void) { exit(3); }

// NOLINTNEXTLINE(misc-no-recursion): that is what it is for
__attribute__((noinline)) static uint64_t too_deep(uint64_t depth) {
    volatile uint8_t frame[256];
    frame[depth % sizeof(frame)] = (uint8_t)depth;
    return depth == 0 ? 0 : too_deep(depth - 1) + frame[depth % sizeof(frame)];
}

WAY run_out_of_stack(void) { (void)too_deep(1000); }

WAY run_out_of_memory(void) {
    void *volatile memory = malloc(TOO_MUCH);
    if (memory == NULL) {
        rt_die("there is no memory for %u bytes", TOO_MUCH);
    }
    free(memory);
}

static void (*const ways[])(void) = {
    load_elsewhere,         store_to_text, jump_elsewhere, illegal_instruction,
    privileged_instruction, stop_itself,   leave,          run_out_of_stack,
    run_out_of_memory,      loop_for_ever, call_for_ever,
};

static void serve(void *state, const struct message *record, struct reply *reply) {
    uint64_t *died = state;
    bool exit = MESSAGE_CLASS(record->info) < EXIT_GUEST_CLASSES;
    if (exit && MESSAGE_ATTEMPT(record->info) == 0 && *died < sizeof(ways) / sizeof(ways[0])) {
        ways[(*died)++]();
    }
    served_serve(record, reply);
}

// How often it has died is kept where the server that it is keeps nothing.
int main(void) {
    const struct config_entry *state = rt_need("state");
    served_begin(serve, (void *)(uintptr_t)(state->address + state->size - sizeof(uint64_t)));
}
