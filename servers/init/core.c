#include "servers/init/init.h"

static void core_need(enum status status, const char *call, const char *what) {
    if (status != STATUS_OK) {
        init_refuse("init: %s for %s: %s", call, what, status_text(status));
        init_end(1);
    }
}

void core_create(enum object_type type, struct objects where, unsigned slot, uint64_t argument0,
                 uint64_t argument1, const char *what) {
    struct rt_words words = {
        .word = {INIT_SLOT_POOL, where.first, where.pages, slot, argument0, argument1}};
    core_need(rt_system_call(SYSCALL_CREATE, type, &words), "CREATE", what);
}

void core_destroy(unsigned slot, const char *what) {
    struct rt_words words = {0};
    core_need(rt_system_call(SYSCALL_DESTROY, slot, &words), "DESTROY", what);
}

// The frame that PHYSICAL lies in, and where in it.
static unsigned core_frame(uint64_t physical, uint64_t *offset) {
    if (physical >= init.high) {
        *offset = physical - init.high;
        return INIT_SLOT_HIGH;
    }
    *offset = physical;
    return INIT_SLOT_LOW;
}

void core_map(unsigned space, uint64_t address, uint64_t physical, uint64_t size, uint64_t rights,
              const char *what) {
    uint64_t offset;
    unsigned frame = core_frame(physical, &offset);
    core_need(rt_map(space, address, frame, offset, size, rights), "MAP", what);
}

void core_map_bundle(unsigned space, uint64_t address, uint64_t offset, uint64_t size,
                     uint64_t rights, const char *what) {
    core_need(rt_map(space, address, INIT_SLOT_BUNDLE, offset, size, rights), "MAP", what);
}

void core_grant(unsigned task, unsigned to, unsigned from, uint64_t rights, uint64_t badge,
                const char *what) {
    struct rt_words words = {.word = {to, from, rights, badge}};
    core_need(rt_system_call(SYSCALL_GRANT, task, &words), "GRANT", what);
}

void core_grant_frame(unsigned task, unsigned to, struct memory memory, uint64_t rights,
                      const char *what) {
    uint64_t offset;
    unsigned frame = core_frame(memory.physical, &offset);
    struct rt_words words = {.word = {to, frame, rights, offset, memory.size}};
    core_need(rt_system_call(SYSCALL_GRANT, task, &words), "GRANT", what);
}

enum status core_bind_task(unsigned portal, unsigned task, uint64_t *pause) {
    struct rt_words words = {.word = {portal, task}};
    enum status status = rt_system_call(SYSCALL_BIND, BIND_PORTAL, &words);
    *pause = status == STATUS_OK ? words.word[0] : 0;
    return status;
}

void core_bind(enum bind bind, const uint64_t *arguments, unsigned count, const char *what) {
    struct rt_words words = {0};
    for (unsigned i = 0; i < count; i++) {
        words.word[i] = arguments[i];
    }
    core_need(rt_system_call(SYSCALL_BIND, bind, &words), "BIND", what);
}

enum status core_vcpu(unsigned slot, enum vcpu_op op, uint64_t a1, uint64_t a2, uint64_t a3) {
    struct rt_words words = {.word = {op, a1, a2, a3}};
    return rt_system_call(SYSCALL_VCPU, slot, &words);
}

enum status core_task_stop(unsigned slot) {
    struct rt_words words = {.word = {TASK_STOP}};
    return rt_system_call(SYSCALL_TASK, slot, &words);
}

struct rt_words core_task_read(unsigned slot) {
    struct rt_words words = {.word = {TASK_READ}};
    core_need(rt_system_call(SYSCALL_TASK, slot, &words), "TASK", "a server's state");
    return words;
}

void core_task(unsigned slot, enum task_op op, uint64_t a1, uint64_t a2, uint64_t a4,
               const char *what) {
    struct rt_words words = {.word = {op, a1, a2, 0, a4}};
    core_need(rt_system_call(SYSCALL_TASK, slot, &words), "TASK", what);
}
