#include "servers/console/put.h"

#include "arch/device.h"

// Never inlined: there must be one pair of labels.
__attribute__((noinline)) void console_put(volatile uint8_t *data, uint8_t byte,
                                           volatile uint64_t *counter, uint64_t next) {
    // The writer of a ring reuses a byte's place once it is counted, so the loads come first. The
    // fence stands here because behind the byte it would be a third instruction in the middle.
    __atomic_thread_fence(__ATOMIC_RELEASE);
    arch_device_store8(data, byte);
    __asm__ volatile(".global console_put_sent\nconsole_put_sent:" ::: "memory");
    __atomic_store_n(counter, next, __ATOMIC_RELAXED);
    __asm__ volatile(".global console_put_counted\nconsole_put_counted:" ::: "memory");
}
