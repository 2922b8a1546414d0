// Ways to end, and what is said when there is no console to say it.
#include <stdarg.h>
#include <stdio.h>

#include "libs/uart/uart.h"
#include "servers/init/init.h"
#include "servers/init/machine.h"

_Noreturn void init_end(unsigned status) {
    if (init.sees_machine && init.machine.reset) {
        machine_arch_end(memory_see_device(init.machine.reset), status);
    }
    struct rt_words words = {.word = {status}};
    enum status exit = rt_system_call(SYSCALL_EXIT, 0, &words);
    (void)exit; // it does not return
    __builtin_unreachable();
}

void init_finish(bool failed) {
    struct ring *ring = memory_see(init.log.physical);
    init.ending = true;
    init.failed |= failed;
    // The console tells when all is written (INIT_DRAINED).
    __atomic_store_n(&ring->reserved, 1, __ATOMIC_RELEASE);
    enum status status = rt_signal(SLOT_SERVER(init.manifest.console) + SERVER_SLOT_PORTAL);
    if (status != STATUS_OK) {
        init_end(init.failed);
    }
}

// Past the console, which has set the UART up or will.
static void end_write(const char *text, uint64_t size) {
    if (!init.sees_machine || !init.machine.uart) {
        return;
    }
    const struct uart_driver *driver = init.machine.uart_driver;
    const struct uart_access access = uart_window(driver, memory_see_device(init.machine.uart));
    struct uart uart;
    uart_open(&uart, driver, &access);
    for (uint64_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            uart_send(&uart, '\r');
        }
        uart_send(&uart, (uint8_t)text[i]);
    }
}

// What stands in init's ring and no console has taken.
static void end_write_log(void) {
    if (!init.log.size) {
        return;
    }
    struct ring *ring = memory_see(init.log.physical);
    uint64_t tail = ring_load(&ring->tail);
    for (uint64_t n = ring_readable(ring->head, tail); n; n--, tail++) {
        end_write(&ring->data[tail % RING_BYTES], 1);
    }
    ring_store(&ring->tail, tail);
}

void init_refuse(const char *format, ...) {
    char line[640];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    end_write_log();
    end_write(line, length < (int)sizeof(line) ? (uint64_t)length : sizeof(line) - 1);
    end_write("\n", 1);
}
