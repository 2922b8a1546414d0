// The receive loop: all else is in the files beside this one, which know no kernel.
#include "servers/console/console.h"

static struct console console;
static const struct uart_driver *driver;
static _Alignas(8) uint8_t own_state[STATE_SLOTS_AT + 2 * sizeof(struct console_state)];

// 0 where init gave none: nobody died.
static uint64_t number(const char *name) {
    const struct config_entry *entry = rt_find(name, 0);
    return entry != NULL ? entry->address : 0;
}

static enum status take_over(void *taking) {
    const struct console_death death = {number("death-pc"), number("death-word")};
    const struct config_entry *state = rt_find("state", 0);
    void *region = state != NULL ? (void *)(uintptr_t)state->address : own_state;
    size_t size = state != NULL ? state->size : sizeof(own_state);
    enum status status = console_adopt(taking, region, size, &death);
    if (status == STATUS_OK) {
        const struct uart_access access = uart_window(driver, (void *)(uintptr_t)console.data);
        console_start(taking, driver, &access);
    }
    return status;
}

int main(void) {
    const char *wrong, *why;
    if (console_configure(&console, rt_config, &wrong, &why) != STATUS_OK)
        rt_die("console: the config's entry %s %s", wrong, why);
    console.data = (volatile uint8_t *)(uintptr_t)rt_need("uart")->address;
    const struct config_entry *kind = rt_find("uart" CONFIG_COMPATIBLE, 0);
    const char *compatible = kind != NULL ? (const char *)(uintptr_t)kind->address : "";
    driver = uart_find(compatible, kind != NULL ? kind->size : 0);
    if (driver == NULL)
        rt_die("console: the manifest's window `uart` is \"%s\", for which there is no driver",
               compatible);
    rt_succeed(take_over, CONSOLE_STATE_VERSION, console_handle, &console);
}
