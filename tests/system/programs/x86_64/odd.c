#include "tests/system/programs/odd.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define WELL (1 << 8)
#define BAD 2

static char *two_pages(void) {
    return mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void add_misaligned(void) {
    static uint64_t words[2];
    __asm__ volatile("lock incq %0" : "+m"(*(uint64_t *)((char *)words + 1)));
    _exit(words[0] == 1 << 8 ? 1 : BAD);
}

static void add_to_text(void) {
    __asm__ volatile("lock incq (%0)" ::"r"((uintptr_t)add_to_text & ~UINT64_C(7)) : "memory");
}

static void load_beyond(void) {
    char *page = two_pages();
    munmap(page + PAGE, PAGE);
    *(volatile char *)page;
    __asm__ volatile("movq (%0), %%rax" ::"r"(page + PAGE - 3) : "rax", "memory");
}

static void store_beyond(void) {
    char *page = two_pages();
    mprotect(page + PAGE, PAGE, PROT_READ);
    __asm__ volatile("movq $0, (%0)" ::"r"(page + PAGE - 3) : "memory");
}

// The second half of the instruction is on a page that is not there.
static void fetch_beyond(void) {
    static const uint8_t half[] = {0x48, 0xc7}; // of mov $0, %rax
    char *page = two_pages();
    memcpy(page + PAGE - sizeof(half), half, sizeof(half));
    mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    munmap(page + PAGE, PAGE);
    ((void (*)(void))(page + PAGE - sizeof(half)))();
}

// String instructions are done in parts: what was written before the fault stays.
static void fill_beyond(void) {
    char *page = two_pages();
    char *at = page + PAGE - 64;
    uint64_t count = 128;
    munmap(page + PAGE, PAGE);
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"('x') : "memory");
}

// Backwards, which the kernel must not be when it comes in.
static void copy_backwards(void) {
    char from[64], to[64] = {0};
    memset(from, 'b', sizeof(from));
    const char *last = from + sizeof(from) - 1;
    char *at = to + sizeof(to) - 1;
    uint64_t count = sizeof(from);
    long pid = 39; // getpid
    __asm__ volatile("std\n"
                     "syscall\n"
                     : "+a"(pid)::"rcx", "r11", "cc", "memory");
    __asm__ volatile("rep movsb\n"
                     "cld\n"
                     : "+S"(last), "+D"(at), "+c"(count)::"cc", "memory");
    _exit(memcmp(from, to, sizeof(from)) == 0 && pid == getpid() ? 1 : BAD);
}

static void break_here(void) { __asm__ volatile("int3"); }

static void break_in_two_bytes(void) { __asm__ volatile(".byte 0xcd, 3"); }

static void set_flag(uint64_t flag) {
    __asm__ volatile("pushfq\n"
                     "orq %0, (%%rsp)\n"
                     "popfq\n"
                     "nop\n" ::"r"(flag)
                     : "cc", "memory");
}

static void step(void) { set_flag(1 << 8); }

// Steps into a system call: the step ends behind it.
static void step_into_call(void) {
    __asm__ volatile("mov $39, %%eax\n"
                     "pushfq\n"
                     "orq $0x100, (%%rsp)\n"
                     "popfq\n"
                     "syscall\n"
                     "nop\n" ::
                         : "rax", "rcx", "r11", "cc", "memory");
}

// Flags that would be the kernel's trouble: nested task, alignment check.
static void flags_of_nonsense(void) {
    set_flag(1 << 14 | 1 << 18);
    for (volatile unsigned i = 0; i < 2000000; i++)
        ;
    _exit(getpid() > 0 ? 1 : BAD);
}

static void divide_by_zero(void) {
    __asm__ volatile("xor %%ecx, %%ecx\n"
                     "mov $1, %%eax\n"
                     "cltd\n"
                     "idivl %%ecx\n" ::
                         : "rax", "rcx", "rdx", "cc");
}

static void divide_too_much(void) {
    __asm__ volatile("mov $-1, %%ecx\n"
                     "mov $0x80000000, %%eax\n"
                     "cltd\n"
                     "idivl %%ecx\n" ::
                         : "rax", "rcx", "rdx", "cc");
}

static void trap_on_x87(void) {
    const uint16_t all = 0x340;
    const double zero = 0, one = 1;
    __asm__ volatile("fninit\n"
                     "fldcw %0\n"
                     "fldl %1\n"
                     "fdivl %2\n"
                     "fwait\n" ::"m"(all),
                     "m"(one), "m"(zero));
}

static void move_misaligned(void) {
    static char bytes[32] __attribute__((aligned(16)));
    __asm__ volatile("movaps (%0), %%xmm0" ::"r"(bytes + 1) : "xmm0", "memory");
}

// Stack and thread pointer mean nothing to the kernel, neither in calls nor in interrupts: the loop
// lasts for some ticks of the timer. The last call gives back the thread pointer.
static void pointers_of_nonsense(void) {
    long result = 0;
    register uint64_t thread __asm__("r15");
    __asm__ volatile("mov %%fs:0, %0" : "=r"(thread)); // which points at itself
    __asm__ volatile("mov %%rsp, %%r12\n"
                     "mov $158, %%eax\n" // arch_prctl
                     "mov $0x1002, %%edi\n"
                     "mov $-4096, %%rsi\n"
                     "syscall\n" // refused
                     "mov %%rax, %%r14\n"
                     "mov $1, %%esp\n"
                     "mov $2000000, %%r13d\n"
                     "1: dec %%r13\n"
                     "jnz 1b\n"
                     "mov $158, %%eax\n"
                     "mov $0x1002, %%edi\n"
                     "mov $4096, %%esi\n"
                     "syscall\n"
                     "mov $39, %%eax\n" // getpid
                     "syscall\n"
                     "mov %%rax, %%r13\n"
                     "cmp $1, %%rsp\n"
                     "je 2f\n"
                     "xor %%r13d, %%r13d\n"
                     "2: mov %%r12, %%rsp\n"
                     "mov $158, %%eax\n"
                     "mov $0x1002, %%edi\n"
                     "mov %%r15, %%rsi\n"
                     "syscall\n"
                     "cmp $-1, %%r14\n" // EPERM
                     "jne 3f\n"
                     "mov %%r13, %0\n"
                     "3:\n"
                     : "+b"(result)
                     : "r"(thread)
                     : "rax", "rcx", "rdi", "rsi", "r11", "r12", "r13", "r14", "cc", "memory");
    _exit(result == getpid() ? 1 : BAD);
}

// The kernel's half of the address space, as a stack.
static void stack_in_kernel(void) {
    __asm__ volatile("mov %%rsp, %%r12\n"
                     "mov $-4096, %%rsp\n"
                     "mov $39, %%eax\n"
                     "syscall\n"
                     "push %%rax\n"
                     "mov %%r12, %%rsp\n" ::
                         : "rax", "rcx", "r11", "r12", "memory");
}

static void load_between_halves(void) {
    __asm__ volatile("movq (%0), %%rax" ::"r"(UINT64_C(1) << 60) : "rax", "memory");
}

static void jump_between_halves(void) { __asm__ volatile("jmp *%0" ::"r"(UINT64_C(1) << 60)); }

// The last instruction of the lower half: where its call would go on is no address. Nothing can be
// mapped there; the fault must be the program's.
static void jump_to_last(void) { __asm__ volatile("jmp *%0" ::"r"((UINT64_C(1) << 47) - 2)); }

static void load_selector_of_kernel(void) { __asm__ volatile("mov %0, %%ss" ::"r"(0x10)); }

static void load_selector_of_nobody(void) { __asm__ volatile("mov %0, %%ds" ::"r"(0xfff8)); }

// The thread pointer's selector, which programs may load: the next calls must not mind.
static void load_own_selectors(void) {
    uint32_t selector;
    __asm__ volatile("mov %%ss, %0\n"
                     "mov %0, %%ds\n"
                     "mov %0, %%es\n"
                     "mov %0, %%gs\n"
                     : "=&r"(selector));
    for (volatile unsigned i = 0; i < 2000000; i++)
        ;
    _exit((selector & 3) == 3 && getpid() > 0 ? 1 : BAD);
}

static void far_return_to_kernel(void) {
    __asm__ volatile("pushq $8\n"
                     "pushq %0\n"
                     "lretq\n" ::"r"((uint64_t)far_return_to_kernel)
                     : "memory");
}

// Out of 64-bit code, where a program's 32-bit code would go on.
static void interrupt_return_to_kernel(void) {
    __asm__ volatile("pushq $0x10\n"
                     "pushq %%rsp\n"
                     "pushfq\n"
                     "pushq $8\n"
                     "pushq %0\n"
                     "iretq\n" ::"r"((uint64_t)interrupt_return_to_kernel)
                     : "memory");
}

static void call_hypervisor(void) { __asm__ volatile("vmmcall" ::"a"(0x84000008) : "memory"); }

static void call_other_hypervisor(void) { __asm__ volatile("vmcall" ::"a"(0x84000008) : "memory"); }

static void use_wider_registers(void) { __asm__ volatile("vxorps %ymm0, %ymm0, %ymm0"); }

static void read_extended_control(void) { __asm__ volatile("xgetbv" ::"c"(0) : "rax", "rdx"); }

static void write_thread_pointer(void) {
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xd0" ::"a"(0) : "memory"); // wrfsbase %rax
}

static void enter_the_other_way(void) { __asm__ volatile("sysenter" ::: "memory"); }

static void tell_time(void) {
    const uint64_t first = __builtin_ia32_rdtsc();
    _exit(__builtin_ia32_rdtsc() >= first ? 1 : BAD);
}

// QEMU raises no exceptions of SSE, takes reserved bits of MXCSR, and has a general protection
// fault where a stack's address is none.
const struct odd_act odd_acts[] = {
    {"an atomic addition, misaligned", add_misaligned, WELL},
    {"an atomic addition to text", add_to_text, SIGSEGV},
    {"a load across the end", load_beyond, SIGSEGV},
    {"a store across the end", store_beyond, SIGSEGV},
    {"an instruction across the end", fetch_beyond, SIGSEGV},
    {"a fill across the end", fill_beyond, SIGSEGV},
    {"a copy backwards", copy_backwards, WELL},
    {"a breakpoint", break_here, SIGTRAP},
    {"a breakpoint in two bytes", break_in_two_bytes, SIGTRAP},
    {"a single step", step, SIGTRAP},
    {"a step into a call", step_into_call, SIGTRAP},
    {"flags of nonsense", flags_of_nonsense, WELL},
    {"a division by zero", divide_by_zero, SIGFPE},
    {"a division of too much", divide_too_much, SIGFPE},
    {"a division that traps, x87", trap_on_x87, SIGFPE},
    {"an aligned move, misaligned", move_misaligned, SIGSEGV},
    {"pointers of nonsense", pointers_of_nonsense, WELL},
    {"a stack in the kernel", stack_in_kernel, SIGSEGV},
    {"a load between the halves", load_between_halves, SIGSEGV},
    {"a jump between the halves", jump_between_halves, SIGSEGV},
    {"a jump to the last address", jump_to_last, SIGSEGV},
    {"the kernel's selector", load_selector_of_kernel, SIGSEGV},
    {"nobody's selector", load_selector_of_nobody, SIGSEGV},
    {"own selectors", load_own_selectors, WELL},
    {"a far return to the kernel", far_return_to_kernel, SIGSEGV},
    {"an interrupt's return to the kernel", interrupt_return_to_kernel, SIGSEGV},
    {"a call of the hypervisor", call_hypervisor, SIGILL},
    {"another one's call", call_other_hypervisor, SIGILL},
    {"wider registers", use_wider_registers, SIGILL},
    {"extended control", read_extended_control, SIGILL},
    {"the thread pointer, written", write_thread_pointer, SIGILL},
    {"SYSENTER", enter_the_other_way, SIGILL},
    {"the time", tell_time, WELL},
};
const unsigned odd_count = sizeof(odd_acts) / sizeof(odd_acts[0]);
