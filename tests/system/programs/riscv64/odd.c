#include "tests/system/programs/odd.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define WELL (1 << 8)
#define BAD 2

static uint64_t words[4];

static void *odd_address(void) { return (char *)words + 1; }

static void add_misaligned(void) {
    __asm__ volatile("amoadd.d zero, zero, (%0)" ::"r"(odd_address()) : "memory");
}

static void reserve_misaligned(void) {
    __asm__ volatile("lr.d a0, (%0)" ::"r"(odd_address()) : "a0", "memory");
}

static void add_to_nothing(void) { __asm__ volatile("amoadd.d zero, zero, (zero)" ::: "memory"); }

static void add_to_text(void) {
    __asm__ volatile("amoadd.d zero, zero, (%0)" ::"r"((uintptr_t)add_to_text & ~UINT64_C(7))
                     : "memory");
}

static void reserve_nothing(void) { __asm__ volatile("lr.d a0, (zero)" ::: "a0", "memory"); }

static void load_beyond(void) {
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + PAGE, PAGE);
    *(volatile char *)page;
    __asm__ volatile("ld a0, (%0)" ::"r"(page + PAGE - 3) : "a0", "memory");
}

static void store_beyond(void) {
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + PAGE, PAGE, PROT_READ);
    __asm__ volatile("sd zero, (%0)" ::"r"(page + PAGE - 3) : "memory");
}

// The second half of the instruction is on a page that is not there.
static void fetch_beyond(void) {
    uint16_t *page =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[PAGE / 2 - 1] = 0x0013; // of addi zero, zero, 0
    mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    munmap(page + PAGE / 2, PAGE);
    ((void (*)(void))(page + PAGE / 2 - 1))();
}

static void break_here(void) { __asm__ volatile("ebreak"); }

// Stack, thread and global pointer mean nothing to the kernel, neither in calls nor in interrupts:
// the loop lasts for some ticks of the timer.
static void pointers_of_nonsense(void) {
    register long result __asm__("a0") = 0;
    __asm__ volatile("mv s1, sp\n"
                     "mv s2, tp\n"
                     "mv s3, gp\n"
                     "li sp, 1\n"
                     "li tp, -1\n"
                     "li gp, -4096\n"
                     "li s4, 2000000\n"
                     "1: addi s4, s4, -1\n"
                     "bnez s4, 1b\n"
                     "li a7, 172\n" // getpid
                     "ecall\n"
                     "li s5, 1\n"
                     "bne sp, s5, 2f\n"
                     "li s5, -1\n"
                     "bne tp, s5, 2f\n"
                     "li s5, -4096\n"
                     "beq gp, s5, 3f\n"
                     "2: li a0, 0\n"
                     "3: mv sp, s1\n"
                     "mv tp, s2\n"
                     "mv gp, s3\n"
                     : "+r"(result)::"a7", "s1", "s2", "s3", "s4", "s5", "memory");
    _exit(result == getpid() ? 1 : BAD);
}

// The kernel's half of the address space, as a stack.
static void stack_in_kernel(void) {
    __asm__ volatile("mv s1, sp\n"
                     "li sp, -4096\n"
                     "li a7, 172\n"
                     "ecall\n"
                     "sd zero, (sp)\n"
                     "mv sp, s1\n" ::
                         : "a0", "a7", "s1", "memory");
}

static void count_cycles(void) { __asm__ volatile("rdcycle a0" ::: "a0"); }

static void count_instructions(void) { __asm__ volatile("rdinstret a0" ::: "a0"); }

static void tell_time(void) {
    uint64_t first, second;
    __asm__ volatile("rdtime %0\nrdtime %1" : "=r"(first), "=r"(second));
    _exit(second >= first ? 1 : BAD);
}

const struct odd_act odd_acts[] = {
    {"an atomic addition, misaligned", add_misaligned, SIGBUS},
    {"a reservation, misaligned", reserve_misaligned, SIGBUS},
    {"an atomic addition to nothing", add_to_nothing, SIGSEGV},
    {"an atomic addition to text", add_to_text, SIGSEGV},
    {"a reservation of nothing", reserve_nothing, SIGSEGV},
    {"a load across the end", load_beyond, SIGSEGV},
    {"a store across the end", store_beyond, SIGSEGV},
    {"an instruction across the end", fetch_beyond, SIGSEGV},
    {"a breakpoint", break_here, SIGTRAP},
    {"pointers of nonsense", pointers_of_nonsense, WELL},
    {"a stack in the kernel", stack_in_kernel, SIGSEGV},
    {"the cycle counter", count_cycles, SIGILL},
    {"the instruction counter", count_instructions, SIGILL},
    {"the time", tell_time, WELL},
};
const unsigned odd_count = sizeof(odd_acts) / sizeof(odd_acts[0]);
