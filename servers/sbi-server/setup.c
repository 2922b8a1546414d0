// From the config to the server's VMs, and from the state region to its state. The entries are
// listed in main.c.
#include <string.h>

#include "libs/config/config.h"
#include "servers/sbi-server/sbi.h"

static enum status set_vcpus(struct sbi_vm *vm, const struct config_entry *entry) {
    if (entry->address == 0 || vm->vcpus != 0) {
        return STATUS_INVALID;
    }
    if (entry->address > SBI_VCPUS) {
        return STATUS_NO_MEMORY;
    }
    vm->vcpus = (uint32_t)entry->address;
    return STATUS_OK;
}

static enum status set_ring(struct ring **place, const struct config_entry *entry) {
    struct ring *ring = (struct ring *)(uintptr_t)entry->address;
    if (*place || !ring || entry->size < sizeof(*ring) || ring->magic != RING_MAGIC) {
        return STATUS_INVALID;
    }
    *place = ring;
    return STATUS_OK;
}

static enum status set_output(struct sbi_vm *vm, const struct config_entry *entry) {
    return set_ring(&vm->out, entry);
}

static enum status set_input(struct sbi_vm *vm, const struct config_entry *entry) {
    return set_ring(&vm->in, entry);
}

static enum status add_range(struct sbi_vm *vm, const struct config_entry *entry) {
    if (entry->size == 0 || entry->size - 1 > UINT64_MAX - entry->guest) {
        return STATUS_INVALID;
    }
    if (vm->range_count == SBI_RANGES) {
        return STATUS_NO_MEMORY;
    }
    vm->range[vm->range_count++] = (struct sbi_range){
        .guest = entry->guest,
        .size = entry->size,
        .memory = (uint8_t *)(uintptr_t)entry->address,
        .writable = (entry->rights & RIGHT_W) != 0,
    };
    return STATUS_OK;
}

// The entries that belong to a VM.
static const struct {
    const char *name;
    enum status (*take)(struct sbi_vm *vm, const struct config_entry *entry);
} of_vm[] = {
    {"vcpus", set_vcpus},
    {"console-out", set_output},
    {"console-in", set_input},
    {"guest-ram", add_range},
};

// The VM called NUMBER, which begins with its first entry. NULL: there are too many.
static struct sbi_vm *vm_of(struct sbi *sbi, uint32_t number) {
    if (sbi->place[number] == 0) {
        if (sbi->vm_count == SBI_VMS) {
            return NULL;
        }
        sbi->place[number] = (uint8_t)++sbi->vm_count;
    }
    return &sbi->vm[sbi->place[number] - 1];
}

static enum status take_entry(struct sbi *sbi, const struct config_entry *entry) {
    uint32_t number;
    for (size_t i = 0; i < sizeof(of_vm) / sizeof(of_vm[0]); i++) {
        if (config_of_vm(entry, of_vm[i].name, SBI_NUMBERS, &number, NULL)) {
            struct sbi_vm *vm = vm_of(sbi, number);
            return vm ? of_vm[i].take(vm, entry) : STATUS_NO_MEMORY;
        }
    }
    if (config_is(entry, "console")) {
        sbi->console = entry->slot;
    } else if (config_is(entry, "init")) {
        sbi->init = entry->slot;
    }
    return STATUS_OK;
}

enum status sbi_configure(struct sbi *sbi, const struct config *config, const char **wrong) {
    memset(sbi, 0, sizeof(*sbi));
    for (uint32_t i = 0; i < config->count; i++) {
        *wrong = config->entry[i].name;
        enum status status = take_entry(sbi, &config->entry[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *wrong = "vcpus";
    uint32_t first = 0;
    for (uint32_t i = 0; i < sbi->vm_count; i++) {
        sbi->vm[i].first = first;
        first += sbi->vm[i].vcpus;
        if (first > SBI_VCPUS) {
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

enum status sbi_adopt(struct sbi *sbi, void *region, size_t size) {
    static struct sbi_state initial;
    memset(&initial, 0, sizeof(initial));
    for (uint32_t i = 0; i < sbi->vm_count; i++) {
        const struct sbi_vm *vm = &sbi->vm[i];
        // Rings that were in use before go on from where they are.
        initial.console[i].head = vm->out ? ring_load(&vm->out->head) : 0;
        initial.console[i].tail = vm->in ? ring_load(&vm->in->tail) : 0;
        for (uint32_t hart = 0; hart < vm->vcpus; hart++) {
            // The guest starts on hart 0.
            initial.vcpu[vm->first + hart].hart = hart ? SBI_HART_STOPPED : SBI_HART_STARTED;
        }
    }
    const struct state_layout layout = {
        .owner = "sbi-server",
        .version = SBI_STATE_VERSION,
        .size = sizeof(struct sbi_state),
        .initial = &initial,
        .migrate = sbi_migrate,
    };
    return state_open(&sbi->state, region, size, &layout);
}
