// Ports as memory, so that the capability of a frame stands for them like for all other devices:
// the end of what counts as physical memory has a page for each eight ports. A task to whose space
// such a page is mapped, at its place behind PORTS_ADDRESS, may read those ports, or write them, as
// the rights of the mapping say: its IN and OUT by DX trap, and the core does them. Nothing else is
// there.
#pragma once

#define PORTS_PHYSICAL ((1024ull << 30) - PORTS_SIZE)
#define PORTS_ADDRESS ((512ull << 30) - PORTS_SIZE)
#define PORTS_SIZE (PORTS_OFFSET(0x10000ull))
#define PORTS_OFFSET(port) ((port) / 8ull * 4096ull)
