#include "servers/npf-pager/pager.h"

struct pager_vm *pager_vm(struct pager *pager, const struct message *record) {
    if (__builtin_expect(record->badge >= PAGER_VMS, 0)) {
        rt_die("an exit of VM %llu, which is not in the config", (unsigned long long)record->badge);
    }
    return &pager->vm[record->badge];
}

// A touch of ADDRESS that maps a page: the largest that fits. Mapped already, by another vCPU or by
// an answer that came through before the server died, is the same to the core.
static inline void map(struct pager *pager, const struct region *region,
                       const struct message *record, struct reply *reply) {
    uint64_t address = record->word[0];
    uint64_t page = address & -0x1000ull;
    uint64_t mapping = region->small_mapping;
    if (address - region->big_base < region->big_size) {
        page = address & -0x200000ull;
        mapping = region->big_mapping;
    }
    pager->mapped_seq = record->seq;
    pager->mapped_address = address;
    reply->flags = REPLY_FLAGS | REPLY_MAP;
    reply->word[2] = page;
    reply->word[3] = mapping;
    reply->word[5] = page - region->base;
}

// Whether the access of RECORD to an address of REGION is answered by a mapping.
static inline bool maps(const struct region *region, const struct message *record) {
    return region_holds(region, record->word[0]) &&
           (region->allowed >> (record->word[1] & 7) & 1) != 0;
}

// Whether it is emulated, when it is an address of REGION and not to be mapped.
static inline bool emulates(const struct region *region, const struct message *record) {
    return region->kind == REGION_DEVICE && record->word[1] <= ACCESS_WRITE;
}

// A fault elsewhere than the last one, or one that maps nothing.
__attribute__((noinline)) static void fault(struct pager *pager, const struct message *record,
                                            struct reply *reply) {
    struct pager_vm *vm = pager_vm(pager, record);
    const struct region *region = region_find(&vm->regions, record->word[0]);
    if (!region) {
        pager_report(pager, record, REPORT_UNMAPPED, record->word[0], record->word[1], reply);
        return;
    }
    vm->last = region;
    if (maps(region, record)) {
        map(pager, region, record, reply);
    } else if (emulates(region, record)) {
        pager_emulate(pager, region, record, reply);
    } else {
        pager_report(pager, record, REPORT_DENIED, record->word[0], record->word[1], reply);
    }
}

static void refused(struct pager *pager, const struct message *record, struct reply *reply) {
    enum status status = (enum status)record->word[0];
    if (pager->mapped_seq != record->seq) {
        rt_die("the core refused the answer to exit %llu of VM %llu: %s",
               (unsigned long long)record->seq, (unsigned long long)record->badge,
               status_text(status));
    }
    // Should the report's answer be refused too, that is not about a mapping any more.
    pager->mapped_seq = 0;
    pager_report(pager, record, REPORT_NO_MEMORY, pager->mapped_address, status, reply);
}

__attribute__((noinline, cold)) static void other(struct pager *pager, const struct message *record,
                                                  struct reply *reply) {
    enum exit_class c = MESSAGE_CLASS(record->info);
    switch (c) {
    case EXIT_SHUTDOWN:
        pager_report(pager, record, REPORT_CPU, record->word[0], record->word[1], reply);
        return;
    case EXIT_REFUSED:
        refused(pager, record, reply);
        return;
    case EXIT_CALL:
        reply->word[0] = STATUS_UNSUPPORTED;
        return;
    case EXIT_SIGNAL:
        return;
    default:
        rt_die("no exits of class %s are served here: the manifest routes them wrongly",
               exit_class_name(c));
    }
}

void pager_serve(void *state, const struct message *record, struct reply *reply) {
    struct pager *pager = state;
    if (__builtin_expect(MESSAGE_CLASS(record->info) != EXIT_STAGE2, 0)) {
        other(pager, record, reply);
        return;
    }
    if (__builtin_expect(record->badge < PAGER_VMS, 1)) {
        const struct region *last = pager->vm[record->badge].last;
        if (__builtin_expect(maps(last, record), 1)) {
            map(pager, last, record, reply);
            return;
        }
        if (region_holds(last, record->word[0]) && emulates(last, record)) {
            pager_emulate(pager, last, record, reply);
            return;
        }
    }
    fault(pager, record, reply);
}
