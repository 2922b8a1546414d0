// From the config to the server's VMs, and from the state region to its state. The entries are
// listed in main.c.
#include <string.h>

#include "libs/config/config.h"
#include "servers/sbi-server/power.h"

static enum status set_vcpus(struct firmware_vm *vm, const struct config_entry *entry) {
    if (entry->address == 0 || vm->vcpus != 0) {
        return STATUS_INVALID;
    }
    if (entry->address > FIRMWARE_VCPUS) {
        return STATUS_NO_MEMORY;
    }
    vm->vcpus = (uint32_t)entry->address;
    return STATUS_OK;
}

static enum status set_ring(struct ring **place, const struct config_entry *entry) {
    struct ring *ring = (struct ring *)(uintptr_t)entry->address;
    if (!firmware_has_console) {
        return STATUS_OK;
    }
    if (*place || !ring || entry->size < sizeof(*ring) || ring->magic != RING_MAGIC) {
        return STATUS_INVALID;
    }
    *place = ring;
    return STATUS_OK;
}

static enum status set_output(struct firmware_vm *vm, const struct config_entry *entry) {
    return set_ring(&vm->out, entry);
}

static enum status set_input(struct firmware_vm *vm, const struct config_entry *entry) {
    return set_ring(&vm->in, entry);
}

static enum status add_range(struct firmware_vm *vm, const struct config_entry *entry) {
    if (entry->size == 0 || entry->size - 1 > UINT64_MAX - entry->guest) {
        return STATUS_INVALID;
    }
    if (vm->range_count == FIRMWARE_RANGES) {
        return STATUS_NO_MEMORY;
    }
    vm->range[vm->range_count++] = (struct firmware_range){
        .guest = entry->guest,
        .size = entry->size,
        .memory = (uint8_t *)(uintptr_t)entry->address,
        .writable = (entry->rights & RIGHT_W) != 0,
    };
    return STATUS_OK;
}

static enum status add_vcpu(struct firmware_vm *vm, const struct config_entry *entry) {
    if (vm->slots == FIRMWARE_VCPUS) {
        return STATUS_NO_MEMORY;
    }
    vm->slot[vm->slots++] = entry->slot;
    return STATUS_OK;
}

// The entries that belong to a VM.
static const struct {
    const char *name;
    enum status (*take)(struct firmware_vm *vm, const struct config_entry *entry);
} of_vm[] = {
    {"vcpus", set_vcpus},      {"vcpu", add_vcpu},       {"console-out", set_output},
    {"console-in", set_input}, {"guest-ram", add_range},
};

// The VM called NUMBER, which begins with its first entry. NULL: there are too many.
static struct firmware_vm *vm_of(struct firmware *firmware, uint32_t number) {
    if (firmware->place[number] == 0) {
        if (firmware->vm_count == FIRMWARE_VMS) {
            return NULL;
        }
        firmware->place[number] = (uint8_t)++firmware->vm_count;
    }
    return &firmware->vm[firmware->place[number] - 1];
}

static enum status take_entry(struct firmware *firmware, const struct config_entry *entry) {
    uint32_t number;
    for (size_t i = 0; i < sizeof(of_vm) / sizeof(of_vm[0]); i++) {
        if (config_of_vm(entry, of_vm[i].name, FIRMWARE_NUMBERS, &number, NULL)) {
            struct firmware_vm *vm = vm_of(firmware, number);
            return vm ? of_vm[i].take(vm, entry) : STATUS_NO_MEMORY;
        }
    }
    if (config_is(entry, "console")) {
        firmware->console = entry->slot;
    } else if (config_is(entry, "init")) {
        firmware->init = entry->slot;
    }
    return STATUS_OK;
}

enum status firmware_configure(struct firmware *firmware, const struct config *config,
                               const char **wrong) {
    memset(firmware, 0, sizeof(*firmware));
    for (uint32_t i = 0; i < config->count; i++) {
        *wrong = config->entry[i].name;
        enum status status = take_entry(firmware, &config->entry[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *wrong = "vcpus";
    uint32_t first = 0;
    for (uint32_t i = 0; i < firmware->vm_count; i++) {
        firmware->vm[i].first = first;
        first += firmware->vm[i].vcpus;
        if (first > FIRMWARE_VCPUS) {
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

enum status firmware_adopt(struct firmware *firmware, void *region, size_t size) {
    static struct firmware_state initial;
    memset(&initial, 0, sizeof(initial));
    for (uint32_t i = 0; i < firmware->vm_count; i++) {
        const struct firmware_vm *vm = &firmware->vm[i];
        // Rings that were in use before go on from where they are.
        initial.console[i].head = vm->out ? ring_load(&vm->out->head) : 0;
        initial.console[i].tail = vm->in ? ring_load(&vm->in->tail) : 0;
        for (uint32_t vcpu = 0; vcpu < vm->vcpus; vcpu++) {
            // The guest starts on vCPU 0.
            initial.vcpu[vm->first + vcpu].power = vcpu ? POWER_OFF : POWER_ON;
        }
    }
    const struct state_layout layout = {
        .owner = "sbi-server",
        .version = FIRMWARE_STATE_VERSION,
        .size = sizeof(struct firmware_state),
        .initial = &initial,
        .migrate = firmware_migrate,
    };
    return state_open(&firmware->state, region, size, &layout);
}
