// How platform.c tells the firmware's part (guest/firmware.h) what the machine has.
#pragma once

#include <stdbool.h>

// The registers are those of an Arm PL011, or NULL. `by_smc`: PSCI is called by SMC, not by HVC.
void firmware_init(volatile void *uart_registers, bool by_smc);
