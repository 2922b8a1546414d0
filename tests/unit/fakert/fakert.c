#include "tests/unit/fakert/fakert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fakert fakert;

// The config, and behind it the entries that its flexible array member stands for.
static _Alignas(struct config) uint8_t
    config_bytes[sizeof(struct config) + FAKERT_ENTRIES * sizeof(struct config_entry)];
static struct config *const config = (struct config *)(void *)config_bytes;

const struct config *rt_config = (const struct config *)(const void *)config_bytes;
struct rt_head rt_record;
uint64_t rt_argument[8];

static struct message queue[FAKERT_RECORDS];
static uint32_t queue_count;
static uint32_t queue_next;

static jmp_buf run_end;    // out of the server
static jmp_buf serve_next; // back into rt_serve: the record is answered
static rt_handler *serve_handle;
static void *serve_state;

// A test asks for more than the fake has room for: that is the test's mistake.
static void need(bool what, const char *text) {
    if (!what) {
        fprintf(stderr, "fakert: %s\n", text);
        abort();
    }
}

void fakert_reset(void) {
    memset(&fakert, 0, sizeof(fakert));
    memset(config_bytes, 0, sizeof(config_bytes));
    config->magic = CONFIG_MAGIC;
    config->incarnation = 1;
    config->timebase = 10000000;
    config->size = sizeof(config_bytes);
    queue_count = 0;
    queue_next = 0;
}

void fakert_timebase(uint64_t ticks) { config->timebase = ticks; }

struct config_entry *fakert_entry(const char *name, enum config_kind kind) {
    need(config->count < FAKERT_ENTRIES, "too many config entries");
    need(strlen(name) < CONFIG_NAME, "the name of a config entry is too long");
    struct config_entry *entry = &config->entry[config->count++];
    memset(entry, 0, sizeof(*entry));
    strcpy(entry->name, name);
    entry->kind = kind;
    return entry;
}

void fakert_send(const struct message *record) {
    need(queue_count < FAKERT_RECORDS, "too many records");
    queue[queue_count++] = *record;
}

struct message fakert_record(enum exit_class c, uint64_t badge, unsigned vcpu, uint64_t seq) {
    return (struct message){
        .info = MESSAGE_INFO(c, vcpu, c != EXIT_TIMER), // of one that runs
        .pc = 0x80200000,
        .seq = seq,
        .badge = badge,
    };
}

enum fakert_end fakert_run(int (*entry)(void)) {
    int end = setjmp(run_end);
    if (end != 0) {
        return (enum fakert_end)(end - 1);
    }
    (void)entry();
    return FAKERT_LEFT;
}

static _Noreturn void leave(enum fakert_end end) { longjmp(run_end, (int)end + 1); }

const struct reply *fakert_only_answer(void) {
    need(fakert.answered == 1, "there is not exactly one answer");
    return &fakert.answer[0];
}

static struct fakert_request *request(enum fakert_kind kind, unsigned slot) {
    need(fakert.requests < FAKERT_REQUESTS, "too many requests");
    if (fakert.kill_at != 0 && fakert.requests + 1 == fakert.kill_at) {
        fakert.kill_at = 0;
        leave(FAKERT_KILLED);
    }
    struct fakert_request *now = &fakert.request[fakert.requests++];
    *now = (struct fakert_request){.kind = kind, .slot = slot, .answered = fakert.answered};
    return now;
}

unsigned fakert_count(enum fakert_kind kind) {
    unsigned count = 0;
    for (uint32_t i = 0; i < fakert.requests; i++) {
        count += fakert.request[i].kind == kind;
    }
    return count;
}

const struct fakert_request *fakert_find(enum fakert_kind kind, unsigned number) {
    for (uint32_t i = 0; i < fakert.requests; i++) {
        if (fakert.request[i].kind == kind && number-- == 0) {
            return &fakert.request[i];
        }
    }
    return NULL;
}

// The runtime's face, libs/rt/rt.h.

static _Noreturn void answer(const struct reply *reply) {
    fakert.answered_record[fakert.answered] = queue[queue_next - 1];
    fakert.answer[fakert.answered++] = *reply;
    longjmp(serve_next, 1);
}

// A server that has these of its own replaces them.
__attribute__((weak)) void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                                        uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7) {
    rt_handle_rest(a0, a1, a2, a3, a4, a5, a6, a7);
}

__attribute__((weak)) void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                                   uint64_t word4, uint64_t word5, uint64_t word6, uint64_t word7) {
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}

void rt_handle_rest(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                    uint64_t a6, uint64_t a7) {
    struct message record = {
        .word = {a0, a1, a2, a3, a4, a5, a6, a7},
        .info = rt_record.info,
        .pc = rt_record.pc,
        .seq = rt_record.seq,
        .badge = rt_record.badge,
    };
    struct reply reply = {0};
    serve_handle(serve_state, &record, &reply);
    answer(&reply);
}

_Noreturn void rt_reply_registers(uint64_t flags, uint64_t word0, uint64_t word1, uint64_t word2) {
    struct reply reply = {.flags = flags, .word = {word0, word1, word2}};
    answer(&reply);
}

_Noreturn void rt_reply_effect_registers(uint64_t flags, uint64_t word0, uint64_t word4,
                                         uint64_t word6) {
    struct reply reply = {.flags = flags, .word = {[0] = word0, [4] = word4, [6] = word6}};
    answer(&reply);
}

_Noreturn void rt_reply_write_registers(uint64_t flags, uint64_t word0, uint64_t word6) {
    rt_reply_effect_registers(flags, word0, 0, word6);
}

_Noreturn void rt_reply_deadline_registers(uint64_t flags, uint64_t word2) {
    struct reply reply = {.flags = flags, .word = {0, 0, word2}};
    answer(&reply);
}

_Noreturn void rt_reply_map_registers(uint64_t flags, uint64_t word2, uint64_t word3,
                                      uint64_t word5) {
    struct reply reply = {.flags = flags, .word = {[2] = word2, [3] = word3, [5] = word5}};
    answer(&reply);
}

_Noreturn void rt_reply_call_registers(uint64_t word0, uint64_t word1, uint64_t word2,
                                       uint64_t word3, uint64_t word4, uint64_t word5,
                                       uint64_t word6, uint64_t word7) {
    struct reply reply = {.word = {word0, word1, word2, word3, word4, word5, word6, word7}};
    answer(&reply);
}

_Noreturn void rt_serve(rt_handler *handle, void *state) { rt_succeed(NULL, 0, handle, state); }

fakert_hypercall *fakert_on_hypercall = rt_hypercall;

// init always sends a first record, and takes READY and TAKEN as they are.
_Noreturn void rt_succeed(rt_take_over *take_over, uint32_t version, rt_handler *handle,
                          void *state) {
    serve_handle = handle;
    serve_state = state;
    fakert.version = version;
    fakert.refused = take_over ? take_over(state) : STATUS_OK;
    if (fakert.refused != STATUS_OK) {
        leave(FAKERT_REFUSED);
    }
    (void)setjmp(serve_next);
    if (queue_next == queue_count) {
        leave(FAKERT_WAITING);
    }
    const struct message *m = &queue[queue_next++];
    rt_record = (struct rt_head){m->info, m->pc, m->seq, m->badge};
    bool is_hypercall = MESSAGE_CLASS(m->info) == EXIT_HYPERCALL;
    (is_hypercall ? fakert_on_hypercall : rt_exit)(m->word[0], m->word[1], m->word[2], m->word[3],
                                                   m->word[4], m->word[5], m->word[6], m->word[7]);
    need(false, "the server came back without an answer");
    abort();
}

const struct config_entry *rt_find(const char *name, unsigned index) {
    for (uint32_t i = 0; i < config->count; i++) {
        if (strncmp(config->entry[i].name, name, CONFIG_NAME) == 0 && index-- == 0) {
            return &config->entry[i];
        }
    }
    return NULL;
}

const struct config_entry *rt_need(const char *name) {
    const struct config_entry *entry = rt_find(name, 0);
    if (!entry) {
        rt_die("no config entry `%s`", name);
    }
    return entry;
}

enum status rt_call(unsigned portal, struct rt_words *words) {
    struct fakert_request *now = request(FAKERT_CALL, portal);
    memcpy(now->word, words->word, sizeof(now->word));
    if (fakert.on_call) {
        fakert.on_call(portal, words);
    } else {
        memset(words, 0, sizeof(*words));
    }
    return fakert.call_status;
}

enum status rt_signal(unsigned portal) {
    (void)request(FAKERT_SIGNAL, portal);
    return STATUS_OK;
}

enum status rt_signal_later(unsigned portal) {
    (void)request(FAKERT_SIGNAL_LATER, portal);
    return STATUS_OK;
}

enum status rt_vcpu_look(unsigned vcpu, unsigned interrupt, uint64_t *state) {
    *state = fakert.on_look ? fakert.on_look(vcpu, interrupt) : 0;
    return STATUS_OK;
}

enum status rt_vcpu_interrupt(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                              uint64_t number) {
    struct fakert_request *now = request(FAKERT_INTERRUPT, vcpu);
    now->word[0] = what;
    now->word[1] = interrupt;
    now->word[2] = number;
    if (fakert.on_interrupt) {
        fakert.on_interrupt(vcpu, what, interrupt, number);
    }
    return STATUS_OK;
}

enum status rt_vcpu_read(unsigned vcpu, unsigned reg, uint64_t *value) {
    request(FAKERT_VCPU_READ, vcpu)->word[0] = reg;
    if (fakert.is_stopped) {
        return STATUS_DENIED;
    }
    if (reg >= FAKERT_REGISTERS) {
        return STATUS_RANGE;
    }
    *value = fakert.reg[reg];
    return STATUS_OK;
}

uint64_t rt_counter(void) { return fakert.now; }

uint64_t rt_now(void) { return rt_counter(); }

uint64_t rt_guest_fetch(uint64_t pc) {
    request(FAKERT_FETCH, 0)->word[0] = pc;
    if (fakert.fetch_fails) {
        return RT_NO_INSTRUCTION;
    }
    return fakert.on_fetch ? fakert.on_fetch(pc) : fakert.instruction;
}

static void log_line(const char *format, va_list arguments) {
    vsnprintf(fakert.text, sizeof(fakert.text), format, arguments);
}

void rt_log(const char *format, ...) {
    (void)request(FAKERT_LOG, 0);
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
}

void rt_die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
    leave(FAKERT_DIED);
}
