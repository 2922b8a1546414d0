// From the config to the VMs: which vCPUs there are.
#include <string.h>

#include "libs/config/config.h"
#include "servers/timer-server/pc/pc.h"

static struct pc_vm *vm_of(struct pc *pc, uint32_t number) {
    if (pc->place[number] == 0) {
        if (pc->vm_count == PC_VMS) {
            return NULL;
        }
        pc->place[number] = (uint8_t)++pc->vm_count;
    }
    return &pc->vm[pc->place[number] - 1];
}

static enum status take_entry(struct pc *pc, const struct config_entry *entry) {
    uint32_t number;
    if (!config_of_vm(entry, "vcpu", PC_NUMBERS, &number, NULL)) {
        return STATUS_OK;
    }
    struct pc_vm *vm = vm_of(pc, number);
    if (!vm || vm->vcpus == PC_VCPUS) {
        return STATUS_NO_MEMORY;
    }
    vm->slot[vm->vcpus++] = entry->slot;
    return STATUS_OK;
}

enum status pc_configure(struct pc *pc, const struct config *config, const char **wrong) {
    memset(pc, 0, sizeof(*pc));
    *wrong = "vcpu";
    uint32_t first = 0;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < config->count && status == STATUS_OK; i++) {
        status = take_entry(pc, &config->entry[i]);
    }
    for (uint32_t i = 0; i < pc->vm_count; i++) {
        pc->vm[i].first = first;
        first += pc->vm[i].vcpus;
    }
    return first > PC_VCPUS ? STATUS_NO_MEMORY : status;
}
