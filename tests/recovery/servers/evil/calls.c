// System calls with arguments that nobody would give.
#include "ipc/cap.h"
#include "ipc/init.h"
#include "tests/recovery/servers/evil/evil.h"

#define OWN_SLOTS 48 // a server's table is shorter
#define OWN_VM 1     // `b` in tests/recovery/manifests/compromised-*.dts

extern char rt_receive[], rt_fetch_begin[], rt_fetch_end[], rt_fetch_failed[];

// A server that serves a VM may end that one; if it did, there would be nothing left to do here.
static bool ends_own_vm(const struct rt_words *words) {
    bool op = words->word[0] == INIT_VM_END || words->word[0] == INIT_VM_REPORT;
    return op && words->word[1] == OWN_VM;
}

// Calls of init's are worth the most, so their numbers are mostly such as init knows.
static void fill_call(struct rt_words *words) {
    words->word[0] = evil_below(4) ? evil_below(INIT_COUNT + 2u) : words->word[0];
    words->word[1] = evil_below(2) ? evil_below(5) : words->word[1];
    if (ends_own_vm(words)) {
        words->word[1]++;
    }
}

// Arguments that look right, for calls that take pages and slots: all but the first checks hold.
static void fill_pages(struct rt_words *words) {
    for (unsigned i = 0; i < 4; i++) {
        words->word[i] &= ~0xfffull;
    }
    words->word[1] = evil_below(OWN_SLOTS); // of MAP and GRANT: which of its own
    words->word[4] = evil_below(RIGHTS_ALL + 2u);
}

// Where the next record arrives is the core's only by this; a wrong one is for evil_die.
static void receive_again(void) {
    struct rt_words words = {.word = {TASK_RECEIVE, (uint64_t)rt_receive, (uint64_t)&rt_record,
                                      rt_thread_pointer(), (uint64_t)rt_fetch_begin,
                                      (uint64_t)rt_fetch_end, (uint64_t)rt_fetch_failed}};
    enum status status = rt_system_call(SYSCALL_TASK, 0, &words);
    (void)status;
}

static enum status make(uint64_t number, uint64_t selector, struct rt_words *words) {
    if (number == SYSCALL_CALL) {
        fill_call(words);
        return rt_call((unsigned)selector, words);
    }
    return RT_SYSTEM_CALL(number, selector, words);
}

// Under which number a call that was done is counted: what changes a task or a vCPU, which nobody
// but init may do, apart from the rest.
static unsigned count_as(uint64_t number, uint64_t op) {
    bool looks = op == VCPU_READ || op == VCPU_COUNTERS || op == VCPU_TIMES || op == VCPU_STATE ||
                 op == VCPU_LOOK || op == VCPU_INTERRUPT; // its own guest's, and it needs W
    if (number >= SYSCALL_COUNT) {
        return EVIL_INVALID;
    }
    if (number == SYSCALL_VCPU && !looks) {
        return EVIL_VCPU;
    }
    if (number == SYSCALL_TASK && op == TASK_FETCH) {
        return EVIL_FETCH;
    }
    return number == SYSCALL_TASK && op != TASK_RECEIVE ? EVIL_TASK : (unsigned)number;
}

static void call_once(void) {
    // The two that do not come back are evil_die's and the answer's.
    uint64_t number = 1 + evil_below(SYSCALL_EXIT - 1);
    if (evil_below(20) == 0) {
        number = SYSCALL_COUNT + evil_number() % (1ull << 62);
    } else if (number == SYSCALL_CALL && evil_below(4)) {
        number = SYSCALL_SIGNAL; // each one that reaches somebody takes long
    } else if (number == SYSCALL_DESTROY && evil_below(5000)) {
        number = SYSCALL_MAP; // what it has it would soon have no more
    }
    uint64_t selector = evil_below(3) ? evil_below(OWN_SLOTS) : evil_number();
    struct rt_words words;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        words.word[i] = evil_number();
    }
    if (number == SYSCALL_TASK && evil_below(2)) {
        words.word[0] = TASK_RECEIVE;
    } else if (evil_below(2)) {
        fill_pages(&words);
    }
    unsigned counted = count_as(number, words.word[0]);
    enum status status = make(number, selector, &words);
    evil_tally->calls++;
    if (status == STATUS_OK) {
        evil_tally->done[counted]++;
    }
}

void evil_calls(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        call_once();
    }
    receive_again();
}
