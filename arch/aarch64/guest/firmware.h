// How platform.c tells the firmware's part (guest/firmware.h) what the machine has.
#pragma once

#include <stdbool.h>

// `uart`: the registers of an Arm PL011. `by_smc`: PSCI is called by SMC, not by HVC.
void firmware_init(volatile void *uart, bool by_smc);
