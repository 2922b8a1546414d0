#include <stddef.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/bare.h"
#include "guest/lib/machine.h"
#include "tests/recovery/guest/x86_64/recovery.h"

// Milliseconds that a sleep takes. Long enough that the guest sleeps before it is over, even when
// servers are started again meanwhile.
#define SLEEP_MS 2

#define VECTOR_GENERAL_PROTECTION 13
#define COMMAND_TO_SELF (1u << 18)
#define APIC_BASE 0xfee00000u
#define BASE_ENABLED (1u << 11)
#define APIC_SPURIOUS 0x0f0
#define SPURIOUS_ENABLED 0x100u
#define APIC_COMMAND 0x300
#define TIMER_DEADLINE (2u << 17)

volatile uint64_t trap_skip;

static volatile bool quiet, dozed;

uint32_t apic_load(uint32_t offset) {
    uint32_t value;
    __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"((uint64_t)APIC_BASE + offset) : "memory");
    return value;
}

void apic_store(uint32_t offset, uint32_t value) {
    __asm__ volatile("movl %0, (%1)" ::"r"(value), "r"((uint64_t)APIC_BASE + offset) : "memory");
}

static void take_timer(void) {
    if (quiet)
        dozed = true;
    else
        note(EVENT_TIMER);
}

void bare_trap(struct trap_frame *frame) {
    if (frame->vector == VECTOR_TIMER) {
        take_timer();
    } else if (frame->vector == VECTOR_SOFTWARE) {
        note(EVENT_SOFTWARE);
    } else if (frame->vector == VECTOR_DEVICE) {
        note(EVENT_DEVICE);
    } else if (trap_skip != 0 &&
               (frame->vector == VECTOR_UNDEFINED || frame->vector == VECTOR_GENERAL_PROTECTION)) {
        note(EVENT_ILLEGAL);
        mix(frame->vector);
        frame->rip += trap_skip;
        return;
    } else {
        line("FAILED: unexpected trap, vector %lu, error 0x%lx, CR2 0x%lx, RIP 0x%lx",
             frame->vector, frame->error, x86_read_cr(2), frame->rip);
        guest_end(true);
    }
    apic_end();
}

static volatile void *here(struct phys at, uint64_t size) {
    (void)size;
    return (volatile void *)(uintptr_t)at.raw;
}

// The first CPU's registers are memory, as they are after its start: each access is decoded.
void interrupts_begin(void) {
    apic_use_memory(here);
    apic_store(APIC_PRIORITY, 0);
    apic_store(APIC_SPURIOUS, SPURIOUS_ENABLED | VECTOR_SPURIOUS);
    apic_store(APIC_TIMER, TIMER_DEADLINE | VECTOR_TIMER);
    __asm__ volatile("mfence" ::: "memory");
}

// Behind STI one more instruction is executed before an interrupt: it is taken behind HLT.
static void let_in(void) { __asm__ volatile("sti\nhlt\ncli" ::: "memory"); }

void wait_for(enum event event) {
    static uint64_t known[EVENTS];
    known[event]++;
    while (noted[event] < known[event])
        let_in();
}

// The time is in registers only, and not for long.
static void set_timer(uint64_t ticks) {
    __asm__ volatile("rdtsc\n"
                     "shl $32, %%rdx\n"
                     "or %%rdx, %%rax\n"
                     "add %0, %%rax\n"
                     "mov %%rax, %%rdx\n"
                     "shr $32, %%rdx\n"
                     "mov %[deadline], %%ecx\n"
                     "wrmsr\n"
                     "xor %%eax, %%eax\n"
                     "xor %%edx, %%edx\n" ::"r"(ticks),
                     [deadline] "i"(MSR_TSC_DEADLINE)
                     : "rax", "rcx", "rdx", "cc", "memory");
}

static uint64_t milliseconds(uint64_t count) {
    return (uint64_t)x86_cpuid(HYPERVISOR_LEAF_FREQUENCIES).a * count;
}

void sleep_timer(void) {
    set_timer(milliseconds(SLEEP_MS));
    wait_for(EVENT_TIMER);
}

void doze(void) {
    quiet = true;
    dozed = false;
    set_timer(milliseconds(1));
    while (!dozed)
        let_in();
    quiet = false;
}

static uint32_t requested(void) {
    return apic_load(APIC_REQUESTED + VECTOR_SOFTWARE / 32 * 16) >> VECTOR_SOFTWARE % 32 & 1;
}

static void send_to_self(unsigned vector) { apic_store(APIC_COMMAND, COMMAND_TO_SELF | vector); }

void calls_round(uint64_t own) {
    (void)own;
    mix(hypervisor_call(0x12345678));
    send_to_self(VECTOR_SOFTWARE);
    wait_for(EVENT_SOFTWARE);
    // Two at once: the less urgent one when there is room for it.
    send_to_self(VECTOR_SOFTWARE);
    send_to_self(VECTOR_DEVICE);
    wait_for(EVENT_DEVICE);
    wait_for(EVENT_SOFTWARE);
    // Twice what is pending already, and only when the priority lets it through.
    apic_store(APIC_PRIORITY, 0xf0);
    send_to_self(VECTOR_SOFTWARE);
    send_to_self(VECTOR_SOFTWARE);
    mix(requested());
    apic_store(APIC_PRIORITY, 0);
    wait_for(EVENT_SOFTWARE);
    mix(requested());
}
