#include "guest/firmware.h"

#include "arch/riscv64/guest/sbi.h"
#include "guest/mmu.h"

void firmware_write(const char *text, size_t size) {
    sbi_write(mmu_physical(text).raw, text, size);
}

size_t firmware_read(char *to, size_t size) { return sbi_read(mmu_physical(to).raw, to, size); }

_Noreturn void firmware_shutdown(bool failed) { sbi_shutdown(failed); }
