// The guest contract, firmware: what the hypervisor (or the machine's firmware) does for a guest.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Writes to the console; nothing before platform_init() where that has to find it. `text` lies in
// the linear map.
void firmware_write(const char *text, size_t size);

// Takes what was typed, as much as there is and at most `size` bytes, to `to` in the linear map.
// Returns how much; never waits.
size_t firmware_read(char *to, size_t size);

// Ends the machine; `failed` tells whoever started it.
_Noreturn void firmware_shutdown(bool failed);
