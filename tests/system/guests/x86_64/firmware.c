// The hypervisor's calls; other CPUs are started by interrupts of the local APIC (APM volume 2,
// chapters 14.1 and 16.5), and nobody but they themselves knows whether they run.
#include "tests/system/guests/firmware.h"

#include <stddef.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/machine.h"
#include "guest/lib/string.h"

#define COMMAND_INIT 0x4500u
#define COMMAND_START 0x4600u // and the number of the page where it begins

// In real mode, at the page's first byte.
#define START_PAGE 0x8000u
#define CR4_START (CR4_PAE | CR4_FXSAVE | CR4_SIMD_EXCEPTIONS)
#define CR0_START                                                                                  \
    (CR0_PROTECTION | CR0_MONITOR | CR0_NUMERIC_ERROR | CR0_WRITE_PROTECT | CR0_PAGING)
#define EFER_START (EFER_SYSCALL | EFER_LONG_MODE | EFER_NO_EXECUTE)
#define STACK_SIZE 4096

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

// What a CPU that begins needs at once; the tables are those of the one that starts it.
struct start {
    struct table_pointer segments, traps;
    uint32_t root;
};
#define START_DATA 0xf00

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static void (*volatile begin)(void);
static volatile bool runs[MACHINE_CPUS_MAX];

// Nobody says it, but what is refused is refused by another number.
uint64_t firmware_version(void) { return -hypervisor_call(HYPERVISOR_NOTHING); }

static unsigned this_cpu(void) {
    return x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT;
}

static __attribute__((used)) _Noreturn void second_main(void) {
    runs[this_cpu()] = true;
    begin();
    firmware_stop();
}

extern const char second_start[], second_start_end[];

// Copied to START_PAGE. From real mode to 64-bit mode in one step.
static __attribute__((naked, used)) void second_code(void) {
    __asm__ volatile(".globl second_start, second_start_end\n"
                     "second_start:\n"
                     ".code16\n"
                     "cli\n"
                     "mov %%cs, %%ax\n"
                     "mov %%ax, %%ds\n"
                     "lgdtl %c[segments]\n"
                     "mov $%c[cr4], %%eax\n"
                     "mov %%eax, %%cr4\n"
                     "mov %c[root], %%eax\n"
                     "mov %%eax, %%cr3\n"
                     "mov $%c[efer_msr], %%ecx\n"
                     "mov $%c[efer], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "wrmsr\n"
                     "mov $%c[cr0], %%eax\n"
                     "mov %%eax, %%cr0\n"
                     "ljmpl $8, $%c[page] + 1f - second_start\n"
                     ".code64\n"
                     "1: mov $0x10, %%eax\n"
                     "mov %%eax, %%ds\n"
                     "mov %%eax, %%es\n"
                     "mov %%eax, %%ss\n"
                     "xor %%eax, %%eax\n"
                     "mov %%eax, %%fs\n"
                     "mov %%eax, %%gs\n"
                     "lidt %c[page] + %c[traps]\n"
                     "movabs $%c[stack] + %c[stack_size], %%rsp\n"
                     "movabs $%c[main], %%rax\n"
                     "call *%%rax\n"
                     "second_start_end:\n" ::[segments] "i"(START_DATA),
                     [traps] "i"(START_DATA + offsetof(struct start, traps)),
                     [root] "i"(START_DATA + offsetof(struct start, root)), [cr4] "i"(CR4_START),
                     [efer_msr] "i"(MSR_EFER), [efer] "i"(EFER_START), [cr0] "i"(CR0_START),
                     [page] "i"(START_PAGE), [stack] "i"(stack), [stack_size] "i"(STACK_SIZE),
                     [main] "i"(second_main));
}

int64_t firmware_start(uint64_t cpu, void (*main)(void)) {
    struct start *start = (struct start *)(uintptr_t)(START_PAGE + START_DATA);
    memcpy((void *)(uintptr_t)START_PAGE, second_start, (size_t)(second_start_end - second_start));
    __asm__ volatile("sgdt %0\n"
                     "sidt %1\n"
                     : "=m"(start->segments), "=m"(start->traps));
    start->root = (uint32_t)x86_read_cr(3);
    begin = main;
    apic_send((uint32_t)cpu, COMMAND_INIT);
    apic_send((uint32_t)cpu, COMMAND_START | START_PAGE >> 12);
    return 0;
}

_Noreturn void firmware_stop(void) {
    runs[this_cpu()] = false;
    for (;;)
        __asm__ volatile("cli\nhlt");
}

bool firmware_is_on(uint64_t cpu) { return cpu == this_cpu() || runs[cpu % MACHINE_CPUS_MAX]; }

bool firmware_is_off(uint64_t cpu) { return !firmware_is_on(cpu); }
