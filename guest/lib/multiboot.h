// What a Multiboot loader leaves for what it has started (Multiboot Specification 0.6.96, chapter
// 3.3), read into what a guest must know of its machine.
#pragma once

#include "guest/lib/machine.h"
#include "guest/mmu.h"

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_HEADER_MEMORY (1 << 1)     // the loader must tell where memory is
#define MULTIBOOT_HEADER_ADDRESSES (1 << 16) // the header says where the image goes
#define MULTIBOOT_MAGIC 0x2badb002           // in EAX at the start

// Takes from the information at `at`: the range of memory that `inside` is in; the command line
// without its first word, which names the image; one CPU. The modules' memory and what is pointed
// into are reserved. Returns NULL, or in words what is wrong.
const char *multiboot_read(struct machine *machine, struct phys at, struct phys inside,
                           machine_show *show);
