// The receive loop: all else is in the files beside this one, which know no kernel.
#include "ipc/init.h"
#include "servers/console/console.h"

static struct console console;
static _Alignas(8) uint8_t own_state[STATE_SLOTS_AT + 2 * sizeof(struct console_state)];

static void adopt_state(void) {
    const struct config_entry *death = rt_find("death-pc", 0);
    uint64_t pc = death != NULL ? death->address : 0;
    const struct config_entry *state = rt_find("state", 0);
    void *region = state != NULL ? (void *)(uintptr_t)state->address : own_state;
    size_t size = state != NULL ? state->size : sizeof(own_state);
    enum status status = console_adopt(&console, region, size, pc);
    if (status != STATUS_OK)
        rt_die("console: the state that another version left can't be used: %s",
               status_text(status));
}

int main(void) {
    const char *wrong, *why;
    if (console_configure(&console, rt_config, &wrong, &why) != STATUS_OK)
        rt_die("console: the config's entry %s %s", wrong, why);
    adopt_state();
    const struct config_entry *uart = rt_need("uart");
    console.data = (volatile uint8_t *)(uintptr_t)uart->address;
    console_start(&console,
                  &(struct uart16550_access){uart16550_memory_read, uart16550_memory_write,
                                             (void *)(uintptr_t)uart->address});
    struct rt_words ready = {.word = {INIT_READY, CONSOLE_STATE_VERSION}};
    if (console.init != 0 && rt_call(console.init, &ready) != STATUS_OK)
        rt_log("console: init does not listen");
    rt_serve(console_handle, &console);
}
