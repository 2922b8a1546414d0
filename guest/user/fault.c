// A program that does what it may not. The kernel kills it and says so.
#include <stdint.h>

#include "guest/user.h"

int main(void) {
    // Half way up the address space: the kernel's, or nobody's, on every architecture.
    *(volatile uint64_t *)(UINT64_C(1) << 63) = 1;
    return 0;
}
