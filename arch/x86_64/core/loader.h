// Who loaded the core, and what that one left.
#pragma once

#include <stdint.h>

// From start.S: MAGIC is what EAX had, START the address that EBX had. Sees to it that the boot
// bundle is in its place and that there is memory behind it for the core's objects. Returns the
// physical address of what init is to read: the start information of PVH, or that of Multiboot2,
// which is then the end of the bundle.
uint64_t loader_take(uint32_t magic, uint64_t start);
