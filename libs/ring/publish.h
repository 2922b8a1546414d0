// Telling a ring's reader that there is something, without a system call for each byte: the reader
// is told at the CPU's next tick, and once, however much is written until it looks.
#pragma once

#include "ipc/ring.h"
#include "ipc/status.h"

// The bytes of RING below HEAD can be read from now on, and whoever receives at PORTAL hears of it
// (ipc/console.h says how). The status is SIGNAL's.
NODISCARD enum status publish_bytes(struct ring *ring, uint64_t head, unsigned portal);

// The reader's part: from now on it is told again. To be called before it looks at the counters.
void publish_seen(struct ring *ring);
