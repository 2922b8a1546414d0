// Makes exits of every class, for ever, whatever the answers do to its registers: for servers that
// give wrong ones. All that it knows it loads anew each time; a trap is a new beginning.
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"

#define WAIT_TICKS 200000 // 200 us
// Guest-physical: memory that comes on demand, and what is nowhere (tests/recovery/manifests).
#define DEMAND_BASE 0x50000000
#define DEMAND_SIZE 0x1000000
#define NOWHERE 0x60000000
#define STACK_SIZE 4096

#define UART_DATA 0x3f8
#define UART_STATUS 0x3fd
#define MSR_PAT 0x277
#define PAT_START 0x00070406

static __attribute__((used)) uint64_t touched, nowhere;
static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];

static __attribute__((naked, used, noreturn)) void pump(void) {
    __asm__ volatile(
        "1: cli\n"
        "cld\n"
        "lea stack + %c[stack_size](%%rip), %%rsp\n"
        // The local APIC by its page: the end of what was in service, and its timer, by which every
        // wait ends.
        "xor %%eax, %%eax\n"
        "movabs %%eax, 0xfee000b0\n"
        "movabs %%eax, 0xfee00080\n"
        "mov $0x1ff, %%eax\n"
        "movabs %%eax, 0xfee000f0\n"
        "mov $0x40000 + %c[vector], %%eax\n"
        "movabs %%eax, 0xfee00320\n"
        "movabs 0xfee00020, %%eax\n"
        "rdtsc\n"
        "add %[wait], %%eax\n"
        "adc $0, %%edx\n"
        "mov %[deadline], %%ecx\n"
        "wrmsr\n"
        // Calls that are nobody's, and a character.
        "mov $0x84000000, %%eax\n"
        "vmmcall\n"
        "mov $0x2e01, %%eax\n"
        "vmmcall\n"
        "mov $0x1234, %%eax\n"
        "vmmcall\n"
        // CPUID, and a register that is kept.
        "xor %%eax, %%eax\n"
        "xor %%ecx, %%ecx\n"
        "cpuid\n"
        "mov %[pat], %%ecx\n"
        "rdmsr\n"
        "mov %[pat_start], %%eax\n"
        "mov %%eax, %%edx\n"
        "wrmsr\n"
        // Ports.
        "mov %[status], %%edx\n"
        "in %%dx, %%al\n"
        "mov %[data], %%edx\n"
        "mov $'.', %%al\n"
        "out %%al, %%dx\n"
        // Memory on demand, one page after the other.
        "mov touched(%%rip), %%rax\n"
        "add $4096, %%rax\n"
        "and %[size] - 1, %%rax\n"
        "mov %%rax, touched(%%rip)\n"
        "add %[demand], %%rax\n"
        "mov %%rax, (%%rax)\n"
        // What is nowhere, if that is wanted.
        "mov nowhere(%%rip), %%rax\n"
        "test %%rax, %%rax\n"
        "jz 3f\n"
        "mov (%%rax), %%rax\n"
        "3: sti\n"
        "hlt\n"
        "cli\n"
        "mov touched(%%rip), %%rax\n"
        "test $4096, %%eax\n"
        "jz 1b\n"
        // A register of nobody's: that traps, which is a beginning, too.
        "mov $0xdeadbeef, %%ecx\n"
        "rdmsr\n"
        "jmp 1b\n" ::[stack_size] "i"(STACK_SIZE),
        [vector] "i"(VECTOR_TIMER), [wait] "i"(WAIT_TICKS), [deadline] "i"(MSR_TSC_DEADLINE),
        [pat] "i"(MSR_PAT), [pat_start] "i"(PAT_START), [status] "i"(UART_STATUS),
        [data] "i"(UART_DATA), [demand] "i"(DEMAND_BASE), [size] "i"(DEMAND_SIZE));
}

// Every vector leads there, on a stack that is always good.
static void load_traps(void) {
    static uint64_t gates[256][2];
    const uint64_t code = (uint64_t)pump;
    for (unsigned vector = 0; vector < 256; vector++) {
        gates[vector][0] = (code & 0xffff) | SEGMENT_KERNEL_CODE << 16 | UINT64_C(1) << 32 |
                           UINT64_C(0x8e) << 40 | (code >> 16 & 0xffff) << 48;
        gates[vector][1] = code >> 32;
    }
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) traps = {sizeof(gates) - 1, (uint64_t)gates};
    __asm__ volatile("lidt %0" ::"m"(traps));
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    char text[8];
    nowhere = machine_bootarg(bare_machine(), "nowhere", text, sizeof(text)) ? NOWHERE : 0;
    print("pump: begins\n");
    load_traps();
    pump();
}
