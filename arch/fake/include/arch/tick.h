// The host's tick (contract: ARCH_TICK). Time passes only when a test says so.
#pragma once

#define ARCH_TICK 1000
