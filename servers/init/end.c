// Ways to end, and what is said when there is no console to say it.
#include <stdarg.h>
#include <stdio.h>

#include "servers/init/init.h"

_Noreturn void init_end(unsigned status) {
    if (init.sees_machine && init.machine.reset) {
        // sifive,test0: 0x5555 passes, a code over 0x3333 fails with it.
        volatile uint32_t *reset = memory_see(init.machine.reset);
        *reset = status ? status << 16 | 0x3333 : 0x5555;
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

static void end_put(char c) {
    volatile uint8_t *uart = memory_see(init.machine.uart);
    for (int i = 0; i < 100000 && !(uart[5] & 0x20); i++) {
    }
    uart[0] = (uint8_t)c;
}

static void end_write(const char *text, uint64_t size) {
    for (uint64_t i = 0; i < size && init.sees_machine && init.machine.uart; i++) {
        if (text[i] == '\n') {
            end_put('\r');
        }
        end_put(text[i]);
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
