// The first instructions of every guest: from what a Multiboot loader leaves to 64-bit C on a
// stack.
//
// They run where they were loaded, in 32-bit mode, in which no linked address could be said: the
// linker script has each symbol's physical one under a name that begins with AT_.
#include "arch/x86_64/guest/entry.h"

#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/multiboot.h"

#define BIG_PAGE_BYTES 0x200000
#define CR4_START (CR4_PAE | CR4_FXSAVE | CR4_SIMD_EXCEPTIONS)
#define CR0_START                                                                                  \
    (CR0_PROTECTION | CR0_MONITOR | CR0_NUMERIC_ERROR | CR0_WRITE_PROTECT | CR0_PAGING)
#define EFER_START (EFER_SYSCALL | EFER_LONG_MODE | EFER_NO_EXECUTE)
#define HEADER_FLAGS (MULTIBOOT_HEADER_MEMORY | MULTIBOOT_HEADER_ADDRESSES)

// Stays in use until boot.c has made better ones.
_Alignas(PAGE_SIZE) uint64_t entry_root[TABLE_ENTRIES];
_Alignas(PAGE_SIZE) uint64_t entry_upper[TABLE_ENTRIES];
_Alignas(PAGE_SIZE) uint64_t entry_middle[TABLE_ENTRIES];
_Alignas(16) unsigned char entry_stack[ENTRY_STACK_SIZE];

// Not in .bss, which is cleared behind it.
__attribute__((section(".data"))) uint64_t entry_counter;

// Who takes the image for a flat binary enters it at its first byte; Multiboot loaders find the
// header (chapter 3.1) and what it says.
__attribute__((naked, used, section(".boot"))) void image_header(void) {
    __asm__ volatile(
        ".code32\n"
        "jmp image_entry\n"
        ".balign 8\n"
        "image_multiboot:\n"
        ".globl image_multiboot\n"
        ".long %c[magic], %c[flags], -(%c[magic] + %c[flags])\n"
        ".long AT_MULTIBOOT, AT_START, AT_DATA_END, AT_BSS_END, AT_ENTRY\n"
        ".balign 8\n"
        ".globl image_entry\n"
        "image_entry:\n"
        "cli\n"
        "cld\n"
        "mov %%eax, %%ecx\n"
        "rdtsc\n"
        "mov %%eax, AT_COUNTER\n"
        "mov %%edx, AT_COUNTER + 4\n"
        "mov %%ecx, %%edx\n"
        "lidt AT_NO_TRAPS\n" // any trap before trap_init() ends the machine
        "xor %%eax, %%eax\n"
        "mov $AT_BSS, %%edi\n"
        "mov $AT_BSS_END, %%ecx\n"
        "sub %%edi, %%ecx\n"
        "shr $2, %%ecx\n"
        "rep stosl\n"
        // One middle table, for both halves.
        "mov $AT_UPPER + %c[table], %%eax\n"
        "mov %%eax, AT_ROOT\n"
        "mov %%eax, AT_ROOT + %c[half]\n"
        "mov $AT_MIDDLE + %c[table], %%eax\n"
        "mov %%eax, AT_UPPER\n"
        "mov $AT_MIDDLE, %%edi\n"
        "mov $%c[big_page], %%eax\n"
        "1: mov %%eax, (%%edi)\n"
        "add $8, %%edi\n"
        "add $%c[big_page_size], %%eax\n"
        "cmp $AT_MIDDLE + %c[page_size], %%edi\n"
        "jb 1b\n"
        "mov $AT_ROOT, %%eax\n"
        "mov %%eax, %%cr3\n"
        "mov $%c[cr4], %%eax\n"
        "mov %%eax, %%cr4\n"
        "mov %%edx, %%edi\n"
        "mov $%c[efer_msr], %%ecx\n"
        "mov $%c[efer], %%eax\n"
        "xor %%edx, %%edx\n"
        "wrmsr\n"
        "mov $%c[cr0], %%eax\n"
        "mov %%eax, %%cr0\n"
        "lgdt AT_SEGMENTS\n"
        "ljmp $8, $AT_LONG_MODE\n"
        // An empty table, of 6 bytes.
        ".globl image_no_traps\n"
        "image_no_traps: .word 0\n"
        ".long 0\n"
        // Code of 64 bits and data, their accessed bits set.
        ".balign 8\n"
        "2: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff\n"
        ".globl image_segments\n"
        "image_segments: .word image_segments - 2b - 1\n"
        ".long AT_SEGMENTS - 24\n"
        ".globl image_long_mode\n"
        ".code64\n"
        "image_long_mode:\n"
        "xor %%eax, %%eax\n"
        "mov %%eax, %%ds\n"
        "mov %%eax, %%es\n"
        "mov %%eax, %%fs\n"
        "mov %%eax, %%gs\n"
        "mov $0x10, %%eax\n"
        "mov %%eax, %%ss\n"
        "movabs $entry_stack + %c[stack_size], %%rsp\n"
        "mov %%ebx, %%esi\n"
        "xor %%ebp, %%ebp\n"
        "movabs $entry_begin, %%rax\n"
        "call *%%rax\n"
        "ud2\n" ::[magic] "i"(MULTIBOOT_HEADER_MAGIC),
        [flags] "i"(HEADER_FLAGS), [table] "i"(PTE_PRESENT | PTE_WRITE),
        [half] "i"(TABLE_ENTRIES / 2 * sizeof(uint64_t)),
        [big_page] "i"(PTE_PRESENT | PTE_WRITE | PTE_LARGE), [big_page_size] "i"(BIG_PAGE_BYTES),
        [page_size] "i"(PAGE_SIZE), [cr4] "i"(CR4_START), [efer_msr] "i"(MSR_EFER),
        [efer] "i"(EFER_START), [cr0] "i"(CR0_START), [stack_size] "i"(ENTRY_STACK_SIZE));
}
