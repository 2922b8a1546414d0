#include "tests/system/guests/aarch64/second.h"

#define STACK_SIZE 4096

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static __attribute__((used)) void (*goes_on)(uint64_t context);

static __attribute__((naked)) void begin(void) {
    __asm__ volatile("adrp x1, %[stack]\n"
                     "add x1, x1, :lo12:%[stack]\n"
                     "add sp, x1, #%[size]\n"
                     "adrp x1, %[goes_on]\n"
                     "ldr x1, [x1, :lo12:%[goes_on]]\n"
                     "br x1\n" ::[stack] "S"(stack),
                     [size] "i"(STACK_SIZE), [goes_on] "S"(&goes_on));
}

uint64_t second_entry(void (*main)(uint64_t context)) {
    goes_on = main;
    return (uint64_t)begin;
}
