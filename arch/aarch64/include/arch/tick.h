// The host's tick (contract: ARCH_TICK): 10 ms of a 62.5 MHz counter, which is QEMU's. On a machine
// with another counter it is as much longer or shorter; nothing depends on its exact length.
#pragma once

#define ARCH_TICK 625000
