#include "tests/system/programs/privileged.h"

#include <signal.h>

// With what fills its four bytes: NOPs behind it.
#define ONE(a) (0x90909000u | (a))
#define TWO(a, b) (0x90900000u | (b) << 8 | (a))
#define THREE(a, b, c) (0x90000000u | (c) << 16 | (b) << 8 | (a))

// AMD64 Architecture Programmer's Manual, volume 3, chapter 4, and volume 2, chapter 4.9: a general
// protection fault.
const struct privileged_instruction privileged_instructions[] = {
    {"hlt", ONE(0xf4)},
    {"cli", ONE(0xfa)},
    {"sti", ONE(0xfb)},
    {"in al, 0x80", TWO(0xe4, 0x80)},
    {"in al, dx", ONE(0xec)},
    {"in eax, dx", ONE(0xed)},
    {"out 0x80, al", TWO(0xe6, 0x80)},
    {"out dx, al", ONE(0xee)},
    {"out dx, eax", ONE(0xef)},
    {"insb", ONE(0x6c)},
    {"outsb", ONE(0x6e)},
    {"int 0x20", TWO(0xcd, 0x20)},
    {"int 0x80", TWO(0xcd, 0x80)},
    {"int 8", TWO(0xcd, 0x08)},
    {"rdmsr", TWO(0x0f, 0x32)},
    {"wrmsr", TWO(0x0f, 0x30)},
    {"rdpmc", TWO(0x0f, 0x33)},
    {"clts", TWO(0x0f, 0x06)},
    {"invd", TWO(0x0f, 0x08)},
    {"wbinvd", TWO(0x0f, 0x09)},
    {"sysret", TWO(0x0f, 0x07)},
    {"mov rax, cr0", THREE(0x0f, 0x20, 0xc0)},
    {"mov cr0, rax", THREE(0x0f, 0x22, 0xc0)},
    {"mov rax, cr2", THREE(0x0f, 0x20, 0xd0)},
    {"mov rax, cr3", THREE(0x0f, 0x20, 0xd8)},
    {"mov cr3, rax", THREE(0x0f, 0x22, 0xd8)},
    {"mov rax, cr4", THREE(0x0f, 0x20, 0xe0)},
    {"mov cr4, rax", THREE(0x0f, 0x22, 0xe0)},
    {"mov rax, dr7", THREE(0x0f, 0x21, 0xf8)},
    {"mov dr7, rax", THREE(0x0f, 0x23, 0xf8)},
    {"lgdt [rdi]", THREE(0x0f, 0x01, 0x17)},
    {"lidt [rdi]", THREE(0x0f, 0x01, 0x1f)},
    {"lldt ax", THREE(0x0f, 0x00, 0xd0)},
    {"ltr ax", THREE(0x0f, 0x00, 0xd8)},
    {"lmsw ax", THREE(0x0f, 0x01, 0xf0)},
    {"invlpg [rdi]", THREE(0x0f, 0x01, 0x3f)},
    {"swapgs", THREE(0x0f, 0x01, 0xf8)},
};
const unsigned privileged_count =
    sizeof(privileged_instructions) / sizeof(privileged_instructions[0]);

const uint32_t privileged_return = ONE(0xc3); // ret

const int privileged_signal = SIGSEGV;
