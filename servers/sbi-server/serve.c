// What the server does to the world. For a call with effects, in this order: the bytes into the
// ring, beyond what is published (console.c); the commit, which makes them, their count and the
// answer true together; the publication; the signal; the answer. Whoever dies before the commit has
// done nothing; whoever dies behind it is followed by a server that publishes first
// (firmware_resume) and then finds the call answered in the state.
#include "ipc/console.h"
#include "libs/ring/publish.h"
#include "servers/sbi-server/power.h"

static void expect_told(enum status status) {
    if (status != STATUS_OK) {
        rt_log("the console's portal is not there: nobody looks at what guests write");
    }
}

static uint64_t output_head(const struct firmware *firmware, uint32_t vm) {
    const struct firmware_state *state = state_current(&firmware->state);
    return state->console[vm].head;
}

static void publish_output(const struct firmware *firmware, uint32_t vm) {
    struct ring *ring = firmware->vm[vm].out;
    expect_told(publish_bytes(ring, output_head(firmware, vm), firmware->console));
}

static void publish_input(const struct firmware *firmware, uint32_t vm) {
    const struct firmware_state *state = state_current(&firmware->state);
    ring_store(&firmware->vm[vm].in->tail, state->console[vm].tail);
}

void firmware_resume(const struct firmware *firmware) {
    for (uint32_t vm = 0; vm < firmware->vm_count; vm++) {
        if (firmware->vm[vm].out) {
            // The server before may have said that it tells the console, and not have done it.
            ring_store(&firmware->vm[vm].out->head, output_head(firmware, vm));
            expect_told(rt_signal(firmware->console));
        }
        if (firmware->vm[vm].in) {
            publish_input(firmware, vm);
        }
    }
}

static void flush(const struct firmware *firmware) {
    struct rt_words words = {.word = {CONSOLE_FLUSH}};
    if (rt_call(firmware->console, &words) != STATUS_OK) {
        rt_log("the console can't be called: what guests write is lost");
    }
}

static void tell_init(const struct firmware *firmware, struct rt_words *words) {
    if (rt_call(firmware->init, words) != STATUS_OK) {
        rt_die("init can't be called: VM %llu is stopped, but nobody knows",
               (unsigned long long)words->word[1]);
    }
}

static void begin(struct firmware *firmware, const struct message *record,
                  struct firmware_call *call) {
    if (!firmware_begin(firmware, record, call)) {
        rt_die("VM %llu vCPU %u is not in the config: no entry `vcpus-%llu`, or too small",
               (unsigned long long)record->badge, MESSAGE_VCPU(record->info),
               (unsigned long long)record->badge);
    }
}

// Some answers start a vCPU, which the core can refuse. Remembers whose, for refused().
static void remember_start(struct firmware *firmware, const struct firmware_call *call,
                           const struct reply *reply) {
    bool starts = (reply->flags & REPLY_FLAGS) && (reply->flags & REPLY_START);
    firmware->starting = starts ? call->vm->first + (uint32_t)reply->word[2] + 1 : 0;
    firmware->starting_seq = call->seq;
}

static void hypercall(struct firmware *firmware, const struct message *record,
                      struct reply *reply) {
    struct firmware_call call;
    begin(firmware, record, &call);
    uint32_t todo = firmware_handle(&call, reply);
    if (todo & FIRMWARE_FLUSH) {
        flush(firmware);
        call.flushed = true;
        todo = firmware_handle(&call, reply);
    }
    if (todo & FIRMWARE_COMMIT) {
        state_commit(&firmware->state);
    }
    if (todo & FIRMWARE_OUTPUT) {
        publish_output(firmware, call.place);
    }
    if (todo & FIRMWARE_INPUT) {
        publish_input(firmware, call.place);
    }
    if (todo & FIRMWARE_END) {
        struct rt_words words = {.word = {INIT_VM_END, record->badge, call.end, call.reason}};
        tell_init(firmware, &words);
    }
    if (todo & FIRMWARE_REPORT) {
        struct rt_words words = {.word = {INIT_VM_REPORT, record->badge, call.cause, call.detail[0],
                                          call.detail[1], call.pc}};
        tell_init(firmware, &words);
    }
    remember_start(firmware, &call, reply);
}

static void sysreg(struct firmware *firmware, const struct message *record, struct reply *reply) {
    (void)firmware;
    firmware_sysreg(record, rt_now(), reply);
}

// The guest's CPU can't go on: that is the end of the VM.
static void shutdown(struct firmware *firmware, const struct message *record, struct reply *reply) {
    struct rt_words words = {.word = {INIT_VM_REPORT, record->badge, REPORT_CPU, record->word[0],
                                      record->word[1], record->pc}};
    tell_init(firmware, &words);
    reply->flags = REPLY_FLAGS | REPLY_STOP;
}

static void call(struct firmware *firmware, const struct message *record, struct reply *reply) {
    (void)firmware, (void)record;
    reply->word[0] = STATUS_UNSUPPORTED;
}

// A console's signal says that there is input: the guest looks for it when it likes.
static void signal(struct firmware *firmware, const struct message *record, struct reply *reply) {
    (void)firmware, (void)record, (void)reply;
}

static void refused(struct firmware *firmware, const struct message *record, struct reply *reply) {
    enum status status = (enum status)record->word[0];
    if (firmware->starting == 0 || firmware->starting_seq != record->seq) {
        rt_die("the core refused the answer to exit %llu of VM %llu: %s",
               (unsigned long long)record->seq, (unsigned long long)record->badge,
               status_text(status));
    }
    struct firmware_call call;
    begin(firmware, record, &call);
    (void)power_refused(&call, reply);
    state_commit(&firmware->state);
}

void firmware_serve(void *state, const struct message *record, struct reply *reply) {
    static void (*const by_class[EXIT_COUNT])(struct firmware *, const struct message *,
                                              struct reply *) = {
        [EXIT_HYPERCALL] = hypercall, [EXIT_SYSREG] = sysreg, [EXIT_SHUTDOWN] = shutdown,
        [EXIT_CALL] = call,           [EXIT_SIGNAL] = signal, [EXIT_REFUSED] = refused,
        [EXIT_IO] = hypercall,
    };
    enum exit_class c = MESSAGE_CLASS(record->info);
    if ((uint32_t)c >= EXIT_COUNT || !by_class[c] || (c == EXIT_IO && !firmware_port)) {
        rt_die("no exits of class %s are served here: the manifest routes them wrongly",
               exit_class_name(c));
    }
    by_class[c](state, record, reply);
}
