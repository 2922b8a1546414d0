// Which ELF files are this architecture's (contract: each architecture has this header).
#pragma once

#include "libs/elf/elf.h"

#define ARCH_ELF_MACHINE ELF_MACHINE_X86_64
