#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/recovery/guest/x86_64/recovery.h"
#include "tests/system/guests/firmware.h"

#define LINGER_MS 12

static uint64_t first;

static void second_main(void) {
    const uint64_t own = x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT;
    note(EVENT_SECOND);
    mix(own);
    line("CPU %lu", own);
    touch_next();
    // From here on it stores nothing but that it has ended: the first CPU may run.
    apic_send((uint32_t)first, VECTOR_SOFTWARE);
}

// Lets the other CPU run, for longer than it may need, and leaves no trace of how often.
static void linger(void) {
    const uint64_t ticks = (uint64_t)x86_cpuid(HYPERVISOR_LEAF_FREQUENCIES).a * LINGER_MS;
    __asm__ volatile("rdtsc\n"
                     "shl $32, %%rdx\n"
                     "or %%rdx, %%rax\n"
                     "lea (%%rax, %0), %%rcx\n"
                     "1: rdtsc\n"
                     "shl $32, %%rdx\n"
                     "or %%rdx, %%rax\n"
                     "cmp %%rcx, %%rax\n"
                     "jb 1b\n"
                     "xor %%eax, %%eax\n"
                     "xor %%ecx, %%ecx\n"
                     "xor %%edx, %%edx\n" ::"r"(ticks)
                     : "rax", "rcx", "rdx", "cc");
}

void cpus_round(uint64_t own, uint64_t other, uint64_t round) {
    (void)round;
    first = own;
    // The other CPU may run from here on, so nothing is stored before it has finished.
    (void)firmware_start(other, second_main);
    wait_for(EVENT_SOFTWARE);
    sleep_timer();
    while (!firmware_is_off(other))
        linger();
}
