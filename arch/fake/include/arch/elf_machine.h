// The fake machine's servers are riscv64's: tests make their ELF files by hand.
#pragma once

#include "libs/elf/elf.h"

#define ARCH_ELF_MACHINE ELF_MACHINE_RISCV
