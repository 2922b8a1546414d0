#include "guest/platform.h"

const struct platform platform = {
    .arch = "riscv64",
    .name = "riscv64-qemu-virt",
    .pflash = {0x22000000},
    .pflash_size = 32 << 20,
    .elf_machine = 243,
};
