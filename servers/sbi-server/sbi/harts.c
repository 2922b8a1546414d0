#include "servers/sbi-server/sbi/harts.h"

bool harts_from_mask(const struct firmware_vm *vm, uint64_t mask, uint64_t base, uint64_t *harts) {
    *harts = harts_all(vm);
    if (base == SBI_ALL_HARTS) {
        return true; // the mask is to be ignored
    }
    // All that is left of the VM's harts above BASE, so that nothing is shifted out.
    if (base >= vm->vcpus || (mask & ~(*harts >> base)) != 0) {
        return false;
    }
    *harts = mask << base;
    return true;
}
