// The records the console gets, and what each makes it do.
#include "ipc/init.h"
#include "servers/console/console.h"

#define ALL UINT32_MAX

// Whether init waits to be told that all is written; then nothing is kept back any more.
static bool is_ending(const struct console *console) {
    const struct console_peer *init = &console->peer[0];
    return console->count > 0 && init->kind == CONSOLE_CLIENT_HYPERVISOR &&
           __atomic_load_n(&init->out->reserved, __ATOMIC_ACQUIRE) == 1;
}

void console_tell_drained(struct console *console) {
    if (!is_ending(console)) {
        console->state->told = 0;
        return;
    }
    if (console->state->told != 0 || console->init == 0 || !console_is_empty(console))
        return;
    // The machine can be turned off right behind this call.
    uart_finish(&console->uart);
    struct rt_words words = {.word = {INIT_DRAINED}};
    if (rt_call(console->init, &words) == STATUS_OK)
        console->state->told = 1;
}

static bool write_out(struct console *console, uint32_t force) {
    console->ending = is_ending(console);
    bool all = console_drain(console, console->ending ? ALL : force);
    console_tell_drained(console);
    return all;
}

// Everybody's rings: a server that calls for its guests' sake is not known by their numbers. A
// guest's line is cut for no other's: there is room behind it.
static enum status flush(struct console *console) {
    uint32_t servers = 0;
    for (unsigned i = 0; i < console->count; i++)
        servers |= (uint32_t)(console->peer[i].kind != CONSOLE_CLIENT_GUEST) << i;
    // The caller waits, so the UART gets its time once more.
    uart_notice(&console->uart, false);
    return write_out(console, servers) ? STATUS_OK : STATUS_IO;
}

// The guest that gets what is typed, as a mask.
static uint32_t guest_in_focus(const struct console *console) {
    bool guest = console->focus < console->count && console_focus(console) == CONSOLE_FOCUS_GUEST;
    return guest ? 1u << console->focus : 0;
}

void console_start(struct console *console, const struct uart_driver *driver,
                   const struct uart_access *access) {
    uart_begin(&console->uart, driver, access);
    if (console->begun && console->monitor != CONSOLE_CLIENTS)
        rt_log("Ctrl-T opens the monitor; typed twice it goes to the guest");
}

void console_handle(void *state, const struct message *record, struct reply *reply) {
    struct console *console = state;
    console->state->repair = 0; // it has taken over, and what it writes now counts anew
    enum exit_class class = MESSAGE_CLASS(record->info);
    if (class == EXIT_IRQ)
        uart_acknowledge(&console->uart);
    uint32_t typed_for = console_input(console, class == EXIT_IRQ);
    switch (class) {
    case EXIT_IRQ:
        // What is typed is often answered to a prompt that waits behind another guest's line.
        (void)write_out(console, typed_for & guest_in_focus(console));
        break;
    case EXIT_SIGNAL:
        (void)write_out(console, 0);
        break;
    case EXIT_CALL:
        reply->word[0] = record->word[0] == CONSOLE_FLUSH ? flush(console) : STATUS_UNSUPPORTED;
        break;
    default:
        break;
    }
}
