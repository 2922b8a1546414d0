// What the server does to the world. For a call with effects, in this order: the bytes into the
// ring, beyond what is published (console.c); the commit, which makes them, their count and the
// answer true together; the publication; the signal; the answer. Whoever dies before the commit has
// done nothing; whoever dies behind it is followed by a server that publishes first (sbi_resume)
// and then finds the call answered in the state.
#include "ipc/console.h"
#include "servers/sbi-server/sbi.h"

static void publish_output(const struct sbi *sbi, uint32_t vm) {
    const struct sbi_state *state = state_current(&sbi->state);
    ring_store(&sbi->vm[vm].out->head, state->console[vm].head);
    if (rt_signal(sbi->console) != STATUS_OK) {
        rt_log("the console's portal is not there: nobody looks at what guests write");
    }
}

static void publish_input(const struct sbi *sbi, uint32_t vm) {
    const struct sbi_state *state = state_current(&sbi->state);
    ring_store(&sbi->vm[vm].in->tail, state->console[vm].tail);
}

void sbi_resume(const struct sbi *sbi) {
    for (uint32_t vm = 0; vm < sbi->vm_count; vm++) {
        if (sbi->vm[vm].out) {
            publish_output(sbi, vm);
        }
        if (sbi->vm[vm].in) {
            publish_input(sbi, vm);
        }
    }
}

static void flush(const struct sbi *sbi) {
    struct rt_words words = {.word = {CONSOLE_FLUSH}};
    if (rt_call(sbi->console, &words) != STATUS_OK) {
        rt_log("the console can't be called: what guests write is lost");
    }
}

static void tell_init(const struct sbi *sbi, struct rt_words *words) {
    if (rt_call(sbi->init, words) != STATUS_OK) {
        rt_die("init can't be called: VM %llu is stopped, but nobody knows",
               (unsigned long long)words->word[1]);
    }
}

static void begin(struct sbi *sbi, const struct message *record, struct sbi_call *call) {
    if (!sbi_begin(sbi, record, call)) {
        rt_die("VM %llu vCPU %u is not in the config: no entry `vcpus-%llu`, or too small",
               (unsigned long long)record->badge, MESSAGE_VCPU(record->info),
               (unsigned long long)record->badge);
    }
}

// Some answers start a vCPU, which the core can refuse. Remembers whose, for refused().
static void remember_start(struct sbi *sbi, const struct sbi_call *call,
                           const struct reply *reply) {
    bool starts = (reply->flags & REPLY_FLAGS) && (reply->flags & REPLY_START);
    sbi->starting = starts ? call->vm->first + (uint32_t)reply->word[2] + 1 : 0;
    sbi->starting_seq = call->seq;
}

static void hypercall(struct sbi *sbi, const struct message *record, struct reply *reply) {
    struct sbi_call call;
    begin(sbi, record, &call);
    uint32_t todo = sbi_handle(&call, reply);
    if (todo & SBI_FLUSH) {
        flush(sbi);
        call.flushed = true;
        todo = sbi_handle(&call, reply);
    }
    if (todo & SBI_COMMIT) {
        state_commit(&sbi->state);
    }
    if (todo & SBI_OUTPUT) {
        publish_output(sbi, call.place);
    }
    if (todo & SBI_INPUT) {
        publish_input(sbi, call.place);
    }
    if (todo & SBI_END) {
        struct rt_words words = {.word = {INIT_VM_END, record->badge, call.end, call.reason}};
        tell_init(sbi, &words);
    }
    remember_start(sbi, &call, reply);
}

static void sysreg(struct sbi *sbi, const struct message *record, struct reply *reply) {
    (void)sbi;
    sbi_sysreg(record, rt_now(), reply);
}

// The guest's CPU can't go on: that is the end of the VM.
static void shutdown(struct sbi *sbi, const struct message *record, struct reply *reply) {
    struct rt_words words = {.word = {INIT_VM_REPORT, record->badge, REPORT_CPU, record->word[0],
                                      record->word[1], record->pc}};
    tell_init(sbi, &words);
    reply->flags = REPLY_FLAGS | REPLY_STOP;
}

static void call(struct sbi *sbi, const struct message *record, struct reply *reply) {
    (void)sbi, (void)record;
    reply->word[0] = STATUS_UNSUPPORTED;
}

// A console's signal says that there is input: the guest looks for it when it likes.
static void signal(struct sbi *sbi, const struct message *record, struct reply *reply) {
    (void)sbi, (void)record, (void)reply;
}

static void refused(struct sbi *sbi, const struct message *record, struct reply *reply) {
    enum status status = (enum status)record->word[0];
    if (sbi->starting == 0 || sbi->starting_seq != record->seq) {
        rt_die("the core refused the answer to exit %llu of VM %llu: %s",
               (unsigned long long)record->seq, (unsigned long long)record->badge,
               status_text(status));
    }
    struct sbi_call call;
    begin(sbi, record, &call);
    (void)sbi_hsm_refused(&call, reply);
    state_commit(&sbi->state);
}

void sbi_serve(void *state, const struct message *record, struct reply *reply) {
    static void (*const by_class[EXIT_COUNT])(struct sbi *, const struct message *,
                                              struct reply *) = {
        [EXIT_HYPERCALL] = hypercall, [EXIT_SYSREG] = sysreg, [EXIT_SHUTDOWN] = shutdown,
        [EXIT_CALL] = call,           [EXIT_SIGNAL] = signal, [EXIT_REFUSED] = refused,
    };
    enum exit_class c = MESSAGE_CLASS(record->info);
    if ((uint32_t)c >= EXIT_COUNT || !by_class[c]) {
        rt_die("no exits of class %s are served here: the manifest routes them wrongly",
               exit_class_name(c));
    }
    by_class[c](state, record, reply);
}
