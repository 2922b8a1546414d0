#include <cpuid.h>

#include "servers/timer-server/pc/pc.h"

// It does not trap in a task.
struct pc_cpuid_result pc_host_cpuid(uint32_t leaf, uint32_t subleaf) {
    struct pc_cpuid_result found;
    __cpuid_count(leaf, subleaf, found.a, found.b, found.c, found.d);
    return found;
}
