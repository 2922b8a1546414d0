#include "tests/system/programs/odd.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define WELL (1 << 8)
#define BAD 2

static uint64_t words[4];

static void *odd_address(void) { return (char *)words + 1; }

static void reserve_misaligned(void) {
    __asm__ volatile("ldxr x0, [%0]" ::"r"(odd_address()) : "x0", "memory");
}

static void acquire_misaligned(void) {
    __asm__ volatile("ldar x0, [%0]" ::"r"(odd_address()) : "x0", "memory");
}

static void reserve_nothing(void) { __asm__ volatile("ldxr x0, [%0]" ::"r"(0L) : "x0", "memory"); }

// The reservation is good, the store is not.
static void store_to_reserved_text(void) {
    __asm__ volatile("ldxr x0, [%0]\n"
                     "stxr w1, x0, [%0]\n" ::"r"((uintptr_t)reserve_nothing & ~UINT64_C(7))
                     : "x0", "x1", "memory");
}

static void load_beyond(void) {
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + PAGE, PAGE);
    *(volatile char *)page;
    __asm__ volatile("ldr x0, [%0]" ::"r"(page + PAGE - 3) : "x0", "memory");
}

static void store_beyond(void) {
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + PAGE, PAGE, PROT_READ);
    __asm__ volatile("stp xzr, xzr, [%0]" ::"r"(page + PAGE - 3) : "memory");
}

static void fetch_misaligned(void) {
    __asm__ volatile("br %0" ::"r"((uintptr_t)fetch_misaligned + 2));
}

static void break_here(void) { __asm__ volatile("brk #0"); }

// Stack and thread pointer mean nothing to the kernel, neither in calls nor in interrupts: the loop
// lasts for some ticks of the timer.
static void pointers_of_nonsense(void) {
    register long result __asm__("x0") = 0;
    __asm__ volatile("mov x19, sp\n"
                     "mrs x20, tpidr_el0\n"
                     "mov x21, #1\n"
                     "mov x22, #-1\n"
                     "mov sp, x21\n"
                     "msr tpidr_el0, x22\n"
                     "mov x23, #0x200000\n"
                     "1: sub x23, x23, #1\n"
                     "cbnz x23, 1b\n"
                     "mov x8, #172\n" // getpid
                     "svc #0\n"
                     "mov x23, sp\n"
                     "cmp x23, x21\n"
                     "b.ne 2f\n"
                     "mrs x23, tpidr_el0\n"
                     "cmp x23, x22\n"
                     "b.eq 3f\n"
                     "2: mov x0, #0\n"
                     "3: mov sp, x19\n"
                     "msr tpidr_el0, x20\n"
                     : "+r"(result)::"x8", "x19", "x20", "x21", "x22", "x23", "cc", "memory");
    _exit(result == getpid() ? 1 : BAD);
}

// The kernel's half of the address space, as a stack.
static void stack_in_kernel(void) {
    __asm__ volatile("mov x19, sp\n"
                     "mov x0, #-4096\n"
                     "mov sp, x0\n"
                     "mov x8, #172\n"
                     "svc #0\n"
                     "str xzr, [sp]\n"
                     "mov sp, x19\n" ::
                         : "x0", "x8", "x19", "memory");
}

// Every bit of it: the address is no sign-extended one.
static void load_between_halves(void) {
    __asm__ volatile("ldr x0, [%0]" ::"r"(UINT64_C(1) << 60) : "x0", "memory");
}

static void tell_time(void) { __asm__ volatile("mrs x0, cntvct_el0" ::: "x0"); }

// What the C library's memset() and whoever makes code at run time use.
static void use_caches(void) {
    uint64_t lines, zeroing;
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PAGE; i++)
        page[i] = 1;
    __asm__ volatile("mrs %0, ctr_el0\n"
                     "mrs %1, dczid_el0\n"
                     "dc zva, %2\n"
                     "dc cvau, %2\n"
                     "dc civac, %2\n"
                     "ic ivau, %2\n"
                     : "=&r"(lines), "=&r"(zeroing)
                     : "r"(page)
                     : "memory");
    const unsigned size = 4u << (zeroing & 0xf);
    int sum = 0;
    for (int i = 0; i < PAGE; i++)
        sum += page[i];
    _exit(lines != 0 && sum == PAGE - (int)size ? 1 : BAD);
}

static void zero_text(void) {
    __asm__ volatile("dc zva, %0" ::"r"((uintptr_t)zero_text) : "memory");
}

// To clean a line needs no right to write it.
static void clean_text(void) {
    __asm__ volatile("dc cvau, %0" ::"r"((uintptr_t)clean_text) : "memory");
    _exit(1);
}

// QEMU checks neither a misaligned stack pointer nor the address of a line to clean.
const struct odd_act odd_acts[] = {
    {"a reservation, misaligned", reserve_misaligned, SIGBUS},
    {"an acquiring load, misaligned", acquire_misaligned, SIGBUS},
    {"a reservation of nothing", reserve_nothing, SIGSEGV},
    {"a store to reserved text", store_to_reserved_text, SIGSEGV},
    {"a load across the end", load_beyond, SIGSEGV},
    {"a store across the end", store_beyond, SIGSEGV},
    {"an instruction at no multiple of 4", fetch_misaligned, SIGBUS},
    {"a breakpoint", break_here, SIGTRAP},
    {"pointers of nonsense", pointers_of_nonsense, WELL},
    {"a stack in the kernel", stack_in_kernel, SIGSEGV},
    {"a load between the halves", load_between_halves, SIGSEGV},
    {"the time", tell_time, SIGILL},
    {"caches", use_caches, WELL},
    {"zeroes to text", zero_text, SIGSEGV},
    {"text, cleaned", clean_text, WELL},
};
const unsigned odd_count = sizeof(odd_acts) / sizeof(odd_acts[0]);
