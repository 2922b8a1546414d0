// Guest-physical memory as this server has it mapped. Addresses come from the guest: nothing is
// believed before it was looked up here.
#pragma once

#include "servers/sbi-server/firmware.h"

// The range of the VM's RAM that holds the guest-physical ADDRESS, or NULL.
const struct firmware_range *memory_find(const struct firmware_vm *vm, uint64_t address);

// Whether all SIZE bytes at ADDRESS are the VM's RAM; they may cross from one range into the next.
// With WRITING, all of it must be writable for this server too. Nothing, SIZE 0, is always there.
bool memory_check(const struct firmware_vm *vm, uint64_t address, uint64_t size, bool writing);

// Where the guest-physical ADDRESS, which memory_check found, is mapped. *SIZE, how much is wanted,
// becomes how much lies there without a break.
uint8_t *memory_at(const struct firmware_vm *vm, uint64_t address, uint64_t *size);
