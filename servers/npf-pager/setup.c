// From the config to the VMs' regions and devices, and from the state region to the devices' state.
// The entries are listed in main.c.
#include <string.h>

#include "libs/config/config.h"
#include "servers/npf-pager/pager.h"

#define BIG_BITS 21

static enum status add_vcpu(struct pager_vm *vm, const struct config_entry *entry) {
    if (vm->vcpus == PAGER_VCPUS) {
        return STATUS_INVALID;
    }
    vm->vcpu[vm->vcpus++] = entry->slot;
    return STATUS_OK;
}

static enum status add_memory(struct pager_vm *vm, enum region_kind kind,
                              const struct config_entry *entry, bool big) {
    return region_add_memory(&vm->regions, kind, entry->guest, entry->size, entry->physical,
                             entry->slot, (unsigned)entry->rights, big);
}

static enum status add_device(struct pager *pager, struct pager_vm *vm, const char *name,
                              const struct config_entry *entry) {
    const struct device_model *model = device_find(name);
    if (!model) {
        return STATUS_NOT_FOUND;
    }
    if (pager->devices == PAGER_DEVICES) {
        return STATUS_NO_MEMORY;
    }
    uint32_t offset = (uint32_t)offsetof(struct pager_state, device[pager->devices]);
    pager->device[pager->devices++] = model;
    return region_add_device(&vm->regions, entry->guest, entry->size, model, offset);
}

static enum status take_entry(struct pager *pager, const struct config_entry *entry) {
    uint32_t vm;
    const char *device;
    if (config_of_vm(entry, "ram", PAGER_VMS, &vm, NULL)) {
        return add_memory(&pager->vm[vm], REGION_RAM, entry, entry->address == BIG_BITS);
    }
    if (config_of_vm(entry, "passthrough", PAGER_VMS, &vm, NULL)) {
        return add_memory(&pager->vm[vm], REGION_PASSTHROUGH, entry, true);
    }
    if (config_of_vm(entry, "device", PAGER_VMS, &vm, &device)) {
        return add_device(pager, &pager->vm[vm], device, entry);
    }
    if (config_of_vm(entry, "vcpu", PAGER_VMS, &vm, NULL)) {
        return add_vcpu(&pager->vm[vm], entry);
    }
    if (config_is(entry, "init")) {
        pager->init = entry->slot;
    } else if (config_is(entry, "epoch")) {
        pager->epoch = entry->address;
    }
    return STATUS_OK;
}

static void set_tick(struct pager *pager, uint64_t timebase) {
    // A counter that does not say how fast it runs is taken for one of a gigahertz; none runs
    // faster than 4 GHz, so the remainder's upper half is free.
    uint64_t rate = timebase ? timebase : 1000000000;
    pager->tick_whole = 1000000000 / rate;
    pager->tick_fraction = ((1000000000 % rate << 32) / rate) << 32;
}

enum status pager_configure(struct pager *pager, const struct config *config, const char **wrong) {
    uint32_t first = 0;
    uint64_t base;
    set_tick(pager, config->timebase);
    pager_decode(&pager->decoded, 0, 0);
    for (uint32_t i = 0; i < config->count; i++) {
        *wrong = config->entry[i].name;
        enum status status = take_entry(pager, &config->entry[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < PAGER_VMS; i++) {
        struct pager_vm *vm = &pager->vm[i];
        *wrong = "ram";
        enum status status = region_finish(&vm->regions, &base);
        if (status != STATUS_OK) {
            return status;
        }
        vm->last = &vm->regions.region[0]; // of size 0 when there are none
        vm->first = first;
        first += vm->vcpus;
    }
    *wrong = "vcpu";
    return first <= PAGER_VCPUS ? STATUS_OK : STATUS_INVALID;
}

enum status pager_adopt(struct pager *pager, void *region, size_t size) {
    static struct pager_state initial;
    memset(&initial, 0, sizeof(initial));
    for (uint32_t i = 0; i < pager->devices; i++) {
        pager->device[i]->reset(initial.device[i], pager->epoch);
    }
    const struct state_layout layout = {
        .owner = "npf-pager",
        .version = PAGER_STATE_VERSION,
        .size = sizeof(struct pager_state),
        .initial = &initial,
    };
    return state_open(&pager->state, region, size, &layout);
}
