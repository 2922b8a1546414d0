// aarch64's identification registers, as guests see them (Arm DDI 0487, D19.2, ID_*_EL1 and
// MVFR*_EL1): what the CPU has and the hypervisor lets a guest have.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A register's place: its CRm, 1 to 7, and op2.
#define IDREGS_PLACE(crm, op2) ((crm) << 3 | (op2))

// What a guest reads there, where the CPU says PHYSICAL. HAS_GIC_REGISTERS: its interrupt
// controller's CPU interface is in system registers.
uint64_t idregs_value(uint32_t place, uint64_t physical, bool has_gic_registers);
