#include "servers/npf-pager/machine.h"
#include "servers/npf-pager/pager.h"

struct pager_vm *pager_vm(struct pager *pager, const struct message *record) {
    struct pager_vm *vm =
        record->badge < PAGER_NUMBERS ? pager->by_number[record->badge] : &pager->nobody;
    if (vm == &pager->nobody) {
        rt_die("an exit of VM %llu, which is not in the config", (unsigned long long)record->badge);
    }
    return vm;
}

// A touch that maps the largest page that fits. Mapped already, by another vCPU or by an answer
// that came through before the server died, is the same to the core.
static void map(struct pager *pager, const struct region *region, const struct message *record,
                struct reply *reply) {
    struct region_page page = region_page(region, record->word[0]);
    pager_remember_mapping(pager, record->seq, record->word[0]);
    reply->flags = REPLY_FLAGS | REPLY_MAP;
    reply->word[2] = page.address;
    reply->word[3] = page.mapping;
    reply->word[5] = page.offset;
}

static void fault(struct pager *pager, const struct message *record, struct reply *reply) {
    struct pager_vm *vm = pager_vm(pager, record);
    uint64_t address = record->word[0];
    uint64_t access = record->word[1];
    const struct region *region =
        region_holds(vm->last, address) ? vm->last : region_find(&vm->regions, address);
    if (!region) {
        pager_report(pager, record, REPORT_UNMAPPED, address, access, reply);
        return;
    }
    vm->last = region;
    switch (region_action(region, access)) {
    case REGION_MAP:
        map(pager, region, record, reply);
        break;
    case REGION_LOAD:
    case REGION_STORE:
        pager_emulate(pager, region, record, reply);
        break;
    case REGION_REFUSE:
        pager_report(pager, record, REPORT_DENIED, address, access, reply);
        break;
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

void pager_input(struct pager *pager) {
    for (uint32_t i = 0; i < pager->devices; i++) {
        const struct device_effects *effects = pager->device[i].model->effects;
        if (effects && effects->input) {
            effects->input(pager, &pager->device[i]);
        }
    }
}

void pager_serve(void *state, const struct message *record, struct reply *reply) {
    struct pager *pager = state;
    enum exit_class c = MESSAGE_CLASS(record->info);
    switch (c) {
    case EXIT_STAGE2:
        fault(pager, record, reply);
        return;
    case EXIT_SYSREG:
        if (machine_sysreg(pager, record, reply)) {
            return;
        }
        break;
    case EXIT_WINDOW:
        if (machine_window(pager, record, reply)) {
            return;
        }
        break;
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
        pager_input(pager);
        return;
    default:
        break;
    }
    rt_die("no exits of class %s are served here: the manifest routes them wrongly",
           exit_class_name(c));
}
