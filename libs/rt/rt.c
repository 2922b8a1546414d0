#include "libs/rt/rt.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ipc/init.h"
#include "ipc/ring.h"
#include "libs/rt/layout.h"

static_assert(sizeof(struct reply) <= RT_REPLY_SIZE, "the assembly makes room for one");
static_assert(SYSCALL_TASK == RT_SYSCALL_TASK && TASK_FETCH == RT_TASK_FETCH,
              "the assembly makes this call");
static_assert(sizeof(struct rt_head) <= 64, "the assembly makes room for one");
static_assert(offsetof(struct message, info) == 64 &&
                  sizeof(struct message) == 64 + sizeof(struct rt_head),
              "a record's head lies behind its words");

const struct config *rt_config;
uint64_t rt_argument[8];
__attribute__((weak)) const bool rt_has_config = true;

// What rt_receive (entry_<arch>.S) works with.
struct {
    rt_handler *handle;
    void *state;
} rt_handling;

// What is done at the first record.
static struct {
    rt_take_over *take_over;
    rt_handler *handle;
} beginning;

extern char rt_receive[], rt_receive_first[], rt_fetch_begin[], rt_fetch_end[], rt_fetch_failed[];

static struct ring *log_ring;
static unsigned log_portal;

// musl's own start: its thread structure, by which errno and the locale are found.
void __init_libc(char **envp, char *name);
int main(void);

static _Noreturn void end(uint64_t why) {
    struct rt_words words = {.word = {why}};
    enum status status = rt_system_call(SYSCALL_EXIT, 0, &words);
    (void)status; // it does not return
    __builtin_unreachable();
}

static void start_musl(void) {
    // An empty environment, and an auxiliary vector that says only the page size (AT_PAGESZ = 6):
    // there are no thread-local variables, so no program headers need be named.
    static uint64_t vector[] = {0, 6, 4096, 0, 0};
    __init_libc((char **)vector, (char *)"server");
}

static void open_log(void) {
    const struct config_entry *log = rt_find("log", 0);
    const struct config_entry *console = rt_find("console", 0);
    rt_log_to(log ? (struct ring *)log->address : NULL, console ? console->slot : 0);
}

_Noreturn void rt_start(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                        uint64_t a5, uint64_t a6, uint64_t a7);
_Noreturn void rt_start(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                        uint64_t a5, uint64_t a6, uint64_t a7) {
    const uint64_t argument[8] = {a0, a1, a2, a3, a4, a5, a6, a7};
    memcpy(rt_argument, argument, sizeof(argument));
    start_musl();
    if (rt_has_config) {
        rt_config = (const struct config *)a0;
        if (!rt_find("standby", 0)) {
            open_log();
        }
    }
    end((uint64_t)(uint32_t)main());
}

static void receive_at(const char *entry) {
    struct rt_words words = {.word = {TASK_RECEIVE, (uint64_t)entry, (uint64_t)&rt_record,
                                      rt_thread_pointer(), (uint64_t)rt_fetch_begin,
                                      (uint64_t)rt_fetch_end, (uint64_t)rt_fetch_failed}};
    enum status status = rt_system_call(SYSCALL_TASK, 0, &words);
    (void)status; // has no way to fail
}

static void tell_init(enum init_op op, uint64_t word) {
    const struct config_entry *init = rt_has_config ? rt_find("init", 0) : NULL;
    struct rt_words words = {.word = {op, word}};
    if (init) {
        enum status status = rt_call(init->slot, &words);
        (void)status; // init answers, or there is nobody left who could do anything
    }
}

_Noreturn void rt_receive_again(void);

// The handler of the first record.
static void begin(void *state, const struct message *record, struct reply *reply) {
    if (rt_has_config) {
        open_log(); // it had none as long as another one wrote there
    }
    enum status status = beginning.take_over ? beginning.take_over(state) : STATUS_OK;
    if (status != STATUS_OK) {
        tell_init(INIT_REFUSED, status);
        end(status);
    }
    tell_init(INIT_TAKEN, 0);
    rt_handling.handle = beginning.handle;
    receive_at(rt_receive);
    (void)record, (void)reply; // they are as they arrived
    rt_receive_again();
}

_Noreturn void rt_succeed(rt_take_over *take_over, uint32_t version, rt_handler *handle,
                          void *state) {
    beginning.take_over = take_over;
    beginning.handle = handle;
    rt_handling.handle = begin;
    rt_handling.state = state;
    tell_init(INIT_READY, version);
    receive_at(rt_receive_first);
    rt_reply_registers(WAIT_ONLY, 0, 0, 0);
}

_Noreturn void rt_serve(rt_handler *handle, void *state) { rt_succeed(NULL, 0, handle, state); }

const struct config_entry *rt_find(const char *name, unsigned index) {
    for (uint32_t i = 0; i < rt_config->count; i++) {
        const struct config_entry *entry = &rt_config->entry[i];
        if (strncmp(entry->name, name, CONFIG_NAME) == 0 && index-- == 0) {
            return entry;
        }
    }
    return NULL;
}

const struct config_entry *rt_need(const char *name) {
    const struct config_entry *entry = rt_find(name, 0);
    if (!entry) {
        rt_die("init gave no `%s`: the manifest's node of this server lacks it", name);
    }
    return entry;
}

enum status rt_system_call(enum syscall number, uint64_t selector, struct rt_words *words) {
    return RT_SYSTEM_CALL(number, selector, words);
}

enum status rt_call(unsigned portal, struct rt_words *words) {
    return RT_BLOCKING_CALL(SYSCALL_CALL, portal, words);
}

static enum status send_signal(unsigned portal, enum signal_when when) {
    struct rt_words words = {.word = {when}};
    return rt_system_call(SYSCALL_SIGNAL, portal, &words);
}

enum status rt_signal(unsigned portal) { return send_signal(portal, SIGNAL_NOW); }

enum status rt_signal_later(unsigned portal) { return send_signal(portal, SIGNAL_LATER); }

enum status rt_map(unsigned space, uint64_t address, unsigned frame, uint64_t offset, uint64_t size,
                   uint64_t rights) {
    while (size) {
        struct rt_words words = {.word = {address, frame, offset, size, rights}};
        enum status status = rt_system_call(SYSCALL_MAP, space, &words);
        if (status != STATUS_OK) {
            return status;
        }
        address += words.word[0];
        offset += words.word[0];
        size -= words.word[0];
    }
    return STATUS_OK;
}

enum status rt_vcpu_read(unsigned vcpu, unsigned reg, uint64_t *value) {
    struct rt_words words = {.word = {VCPU_READ, reg}};
    enum status status = rt_system_call(SYSCALL_VCPU, vcpu, &words);
    *value = words.word[0];
    return status;
}

enum status rt_vcpu_look(unsigned vcpu, unsigned interrupt, uint64_t *state) {
    struct rt_words words = {.word = {VCPU_LOOK, interrupt}};
    enum status status = rt_system_call(SYSCALL_VCPU, vcpu, &words);
    *state = words.word[0];
    return status;
}

enum status rt_vcpu_interrupt(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                              uint64_t number) {
    struct rt_words words = {.word = {VCPU_INTERRUPT, what, interrupt, number}};
    return rt_system_call(SYSCALL_VCPU, vcpu, &words);
}

uint64_t rt_now(void) { return rt_counter(); }

void rt_log_to(struct ring *ring, unsigned portal) {
    log_ring = ring;
    log_portal = portal;
}

// All of TEXT or nothing: half a line would be read as a whole one.
static void log_write(const char *text, uint64_t length) {
    if (!log_ring) {
        return;
    }
    uint64_t head = log_ring->head;
    if (ring_writable(head, ring_load(&log_ring->tail)) < length) {
        return;
    }
    for (uint64_t i = 0; i < length; i++) {
        log_ring->data[(head + i) % RING_BYTES] = text[i];
    }
    ring_store(&log_ring->head, head + length);
    enum status status = rt_signal(log_portal);
    (void)status; // without a console nobody reads it; that is no reason to fail
}

static void log_format(const char *format, va_list arguments) {
    char line[RT_LOG_LINE];
    int length = vsnprintf(line, sizeof(line) - 1, format, arguments);
    if (length < 0) {
        return;
    }
    uint64_t size = (uint64_t)length < sizeof(line) - 2 ? (uint64_t)length : sizeof(line) - 2;
    line[size++] = '\n';
    log_write(line, size);
}

void rt_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_format(format, arguments);
    va_end(arguments);
}

void rt_die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_format(format, arguments);
    va_end(arguments);
    end(1);
}
