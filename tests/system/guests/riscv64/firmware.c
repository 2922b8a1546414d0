#include "tests/system/guests/firmware.h"

#include "arch/riscv64/guest/sbi.h"

#define STACK_SIZE 4096

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];

uint64_t firmware_version(void) {
    return (uint64_t)SBI_CALL(SBI_BASE, SBI_BASE_IMPL_VERSION, 0).value;
}

// Entered with a1 = what it is to do.
static __attribute__((naked)) void second_start(void) {
    __asm__ volatile("la sp, %[stack] + %[size]\n"
                     "jr a1\n" ::[stack] "i"(stack),
                     [size] "i"(STACK_SIZE));
}

int64_t firmware_start(uint64_t cpu, void (*main)(void)) {
    return SBI_CALL(SBI_HSM, SBI_HSM_START, cpu, (uint64_t)second_start, (uint64_t)main).error;
}

_Noreturn void firmware_stop(void) {
    SBI_CALL(SBI_HSM, SBI_HSM_STOP, 0);
    for (;;)
        __asm__ volatile("wfi");
}

static bool is(uint64_t cpu, int64_t status) {
    const struct sbi_result result = SBI_CALL(SBI_HSM, SBI_HSM_STATUS, cpu);
    return result.error == SBI_SUCCESS && result.value == status;
}

bool firmware_is_on(uint64_t cpu) { return is(cpu, SBI_HSM_STARTED); }

bool firmware_is_off(uint64_t cpu) { return is(cpu, SBI_HSM_STOPPED); }
