#include "servers/sbi-server/memory.h"

const struct firmware_range *memory_find(const struct firmware_vm *vm, uint64_t address) {
    for (uint32_t i = 0; i < vm->range_count; i++) {
        if (address - vm->range[i].guest < vm->range[i].size) {
            return &vm->range[i];
        }
    }
    return NULL;
}

bool memory_check(const struct firmware_vm *vm, uint64_t address, uint64_t size, bool writing) {
    if (size > UINT64_MAX - address) {
        return false;
    }
    // Each turn reaches the end of another range, so there are no more turns than ranges.
    for (uint32_t turns = 0; size > 0; turns++) {
        const struct firmware_range *range = memory_find(vm, address);
        if (!range || (writing && !range->writable) || turns > vm->range_count) {
            return false;
        }
        uint64_t there = range->size - (address - range->guest);
        if (size <= there) {
            return true;
        }
        address += there;
        size -= there;
    }
    return true;
}

uint8_t *memory_at(const struct firmware_vm *vm, uint64_t address, uint64_t *size) {
    const struct firmware_range *range = memory_find(vm, address);
    if (!range) {
        *size = 0;
        return NULL;
    }
    uint64_t offset = address - range->guest;
    if (*size > range->size - offset) {
        *size = range->size - offset;
    }
    return range->memory + offset;
}
