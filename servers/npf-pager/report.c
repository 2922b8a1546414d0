// The end of a VM, told to init. A record that comes again is reported again; init knows the VM
// then.
#include "servers/npf-pager/pager.h"

__attribute__((cold)) void pager_report(struct pager *pager, const struct message *record,
                                        enum report_cause cause, uint64_t address, uint64_t detail,
                                        struct reply *reply) {
    const struct region_table *regions = &pager_vm(pager, record)->regions;
    const struct region *nearest = cause == REPORT_CPU ? NULL : region_nearest(regions, address);
    struct rt_words words = {.word = {INIT_VM_REPORT, record->badge, cause, address, detail,
                                      record->pc, nearest ? nearest->base : 0,
                                      nearest ? nearest->size : 0}};
    if (rt_call(pager->init, &words) != STATUS_OK) {
        rt_die("init can't be called: VM %llu is to be stopped, but nobody knows",
               (unsigned long long)record->badge);
    }
    *reply = (struct reply){.flags = REPLY_FLAGS | REPLY_STOP};
}
