// From the config to the VMs' regions and devices, and from the state region to the devices' state.
// The entries are listed in main.c.
#include <string.h>

#include "libs/config/config.h"
#include "servers/npf-pager/emulate.h"
#include "servers/npf-pager/machine.h"
#include "servers/npf-pager/pager.h"

static enum status add_vcpu(struct pager *pager, struct pager_vm *vm,
                            const struct config_entry *entry, const char *rest) {
    (void)pager, (void)rest;
    if (vm->vcpus == PAGER_VCPUS) {
        return STATUS_NO_MEMORY;
    }
    vm->vcpu[vm->vcpus++] = entry->slot;
    return STATUS_OK;
}

static enum status add_memory(struct pager_vm *vm, enum region_kind kind,
                              const struct config_entry *entry, bool big) {
    return region_add_memory(&vm->regions, kind, entry->guest, entry->size, entry->physical,
                             entry->slot, (unsigned)entry->rights, big);
}

static enum status add_ram(struct pager *pager, struct pager_vm *vm,
                           const struct config_entry *entry, const char *rest) {
    (void)pager, (void)rest;
    return add_memory(vm, REGION_RAM, entry, entry->address == REGION_BIG_BITS);
}

static enum status add_passthrough(struct pager *pager, struct pager_vm *vm,
                                   const struct config_entry *entry, const char *rest) {
    (void)pager, (void)rest;
    return add_memory(vm, REGION_PASSTHROUGH, entry, true);
}

static enum status add_device(struct pager *pager, struct pager_vm *vm,
                              const struct config_entry *entry, const char *name) {
    const struct device_model *model = device_find(name);
    if (!model) {
        return STATUS_NOT_FOUND;
    }
    if (entry->address != 0 && !model->interrupts) {
        return STATUS_UNSUPPORTED;
    }
    uint32_t line = (uint32_t)entry->address;
    uint32_t offset = pager->state_end;
    if (pager->devices == PAGER_MODELS || model->words > machine_words - offset / 8) {
        return STATUS_NO_MEMORY;
    }
    pager->state_end += model->words * 8;
    pager->device[pager->devices++] = (struct pager_device){model, vm, offset, line};
    return region_add_device(&vm->regions, entry->guest, entry->size, model, offset, line);
}

static enum status set_ring(struct ring **place, const struct config_entry *entry) {
    struct ring *ring = (struct ring *)(uintptr_t)entry->address;
    if (*place || !ring || entry->size < sizeof(*ring) || ring->magic != RING_MAGIC) {
        return STATUS_INVALID;
    }
    *place = ring;
    return STATUS_OK;
}

static enum status add_output(struct pager *pager, struct pager_vm *vm,
                              const struct config_entry *entry, const char *rest) {
    (void)pager, (void)rest;
    return set_ring(&vm->out, entry);
}

static enum status add_input(struct pager *pager, struct pager_vm *vm,
                             const struct config_entry *entry, const char *rest) {
    (void)pager, (void)rest;
    return set_ring(&vm->in, entry);
}

// The entries that belong to a VM.
static const struct {
    const char *name;
    bool has_rest; // behind a colon
    enum status (*take)(struct pager *pager, struct pager_vm *vm, const struct config_entry *entry,
                        const char *rest);
} of_vm[] = {
    {"ram", false, add_ram},
    {"passthrough", false, add_passthrough},
    {"device", true, add_device},
    {"vcpu", false, add_vcpu},
    {"console-out", false, add_output},
    {"console-in", false, add_input},
};

// The VM called NUMBER, which begins with its first entry. NULL: there are too many.
static struct pager_vm *vm_of(struct pager *pager, uint32_t number) {
    if (pager->by_number[number] == &pager->nobody) {
        if (pager->vm_count == PAGER_VMS) {
            return NULL;
        }
        pager->by_number[number] = &pager->vm[pager->vm_count++];
    }
    return pager->by_number[number];
}

static enum status take_entry(struct pager *pager, const struct config_entry *entry) {
    uint32_t number;
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof(of_vm) / sizeof(of_vm[0]); i++) {
        if (config_of_vm(entry, of_vm[i].name, PAGER_NUMBERS, &number,
                         of_vm[i].has_rest ? &rest : NULL)) {
            struct pager_vm *vm = vm_of(pager, number);
            return vm ? of_vm[i].take(pager, vm, entry, rest) : STATUS_NO_MEMORY;
        }
    }
    if (config_is(entry, "init")) {
        pager->init = entry->slot;
    } else if (config_is(entry, "console")) {
        pager->console = entry->slot;
    } else if (config_is(entry, "lapic")) {
        pager->lapic = entry->slot;
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

// Nobody's exits find no region, so they take the long way, which knows what to say of them.
static void set_nobody(struct pager *pager) {
    pager->nobody.last = &pager->nobody.regions.region[0];
    for (uint32_t i = 0; i < PAGER_NUMBERS; i++) {
        pager->by_number[i] = &pager->nobody;
    }
}

static enum status finish_vm(struct pager_vm *vm, uint32_t *first) {
    uint64_t base;
    vm->last = &vm->regions.region[0]; // of size 0 when there are none
    vm->first = *first;
    *first += vm->vcpus;
    return *first > PAGER_VCPUS ? STATUS_NO_MEMORY : region_finish(&vm->regions, &base);
}

enum status pager_configure(struct pager *pager, const struct config *config, const char **wrong) {
    uint32_t first = 0;
    memset(pager, 0, sizeof(*pager));
    set_nobody(pager);
    pager->state_end = offsetof(struct pager_state, device);
    set_tick(pager, config->timebase);
    emulate_forget(&pager->decoded);
    emulate_forget(&pager->stored);
    for (uint32_t i = 0; i < config->count; i++) {
        *wrong = config->entry[i].name;
        enum status status = take_entry(pager, &config->entry[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *wrong = "vcpu, ram, passthrough, device";
    for (uint32_t i = 0; i < pager->vm_count; i++) {
        enum status status = finish_vm(&pager->vm[i], &first);
        if (status != STATUS_OK) {
            return status;
        }
    }
    pager->computed_offset = pager->state_end;
    pager->state_end += first * machine_vcpu_words * 8;
    return pager->state_end > machine_words * 8 ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status pager_adopt(struct pager *pager, void *region, size_t size) {
    memset(machine_initial, 0, (size_t)machine_words * 8);
    for (uint32_t i = 0; i < pager->devices; i++) {
        const struct pager_device *device = &pager->device[i];
        device->model->reset(&machine_initial[device->state_offset / 8], pager->epoch);
    }
    const struct state_layout layout = {
        .owner = "npf-pager",
        .version = PAGER_STATE_VERSION,
        .size = pager->state_end > sizeof(struct pager_state) ? pager->state_end
                                                              : sizeof(struct pager_state),
        .initial = machine_initial,
    };
    enum status status = state_open(&pager->state, region, size, &layout);
    for (uint32_t i = 0; status == STATUS_OK && i < pager->devices; i++) {
        const struct pager_device *device = &pager->device[i];
        if (device->model->effects && device->model->effects->open) {
            device->model->effects->open(pager, device);
        }
    }
    if (status == STATUS_OK) {
        pager_input(pager); // the server before may have been signalled
    }
    return status;
}
