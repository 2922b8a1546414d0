// The page of a local interrupt controller's registers (APM volume 2, 16.3.2). What is behind it is
// another server's: each access is a call (ipc/lapic.h).
#include "ipc/lapic.h"
#include "servers/npf-pager/pager.h"

static void xapic_reset(uint64_t *word, uint64_t epoch) { (void)word, (void)epoch; }

static void xapic_open(struct pager *pager, const struct pager_device *device) {
    (void)device;
    if (!pager->lapic) {
        rt_die("a VM has a local interrupt controller, but the config has no entry `lapic`");
    }
}

static struct rt_words call(const struct device_access *access, uint64_t write) {
    const struct message *record = access->record;
    struct rt_words words = {.word = {LAPIC_ACCESS, record->badge, access->vcpu,
                                      access->offset | write, access->value, record->seq}};
    if (rt_call(access->pager->lapic, &words) != STATUS_OK) {
        rt_die("the server of local interrupt controllers can't be called");
    }
    if (words.word[0] != STATUS_OK) {
        rt_log("VM %llu vCPU %u has no local interrupt controller: %s",
               (unsigned long long)record->badge, access->vcpu,
               status_text((enum status)words.word[0]));
        words.word[1] = 0;
        words.word[2] = DEADLINE_NEVER;
    }
    return words;
}

static uint64_t xapic_load(const struct device_access *access) { return call(access, 0).word[1]; }

// The one who plays it has the state, so nothing becomes part of a commit here. It is called behind
// that, again if the answer does not come through, and it knows what it has done.
static void xapic_store(const struct device_access *access) { (void)access; }

static void xapic_stored(const struct device_access *access) {
    access->reply->word[2] = call(access, LAPIC_WRITE).word[2];
    access->reply->flags |= REPLY_DEADLINE;
}

static const struct device_effects effects = {
    .open = xapic_open,
    .load = xapic_load,
    .store = xapic_store,
    .stored = xapic_stored,
};

const struct device_model xapic = {
    .name = "xapic",
    .sizes = 4,
    .reset = xapic_reset,
    .effects = &effects,
};
