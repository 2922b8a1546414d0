// The flash bank that the hypervisor passes through to the guest, read-only.
#pragma once

#include <stdbool.h>

// Says on the console whether the bank holds an image of ours, and returns it.
bool pflash_probe(void);
