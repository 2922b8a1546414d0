#include "arch/x86_64/guest/hypervisor.h"

#include "arch/x86_64/guest/x86.h"
#include "guest/lib/string.h"

// CPUID leaves the guest: it is asked once.
static enum { UNKNOWN, THERE, NOT_THERE } state;

static bool ask(void) {
    static const char name[] = "ExeuntExeunt";
    if (!(x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_HYPERVISOR))
        return false;
    const struct x86_cpuid found = x86_cpuid(CPUID_HYPERVISOR);
    const uint32_t said[] = {found.b, found.c, found.d};
    return found.a >= HYPERVISOR_LEAF_FREQUENCIES && memcmp(said, name, sizeof(said)) == 0;
}

bool hypervisor_is_there(void) {
    if (state == UNKNOWN)
        state = ask() ? THERE : NOT_THERE;
    return state == THERE;
}

uint64_t hypervisor_call(uint64_t call) {
    __asm__ volatile("vmmcall" : "+a"(call)::"memory");
    return call;
}
