#include "arch/riscv64/guest/bare.h"

#include <stddef.h>

#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/bare.h"
#include "guest/lib/machine.h"

#define STACK_SIZE 16384

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];

void print_bytes(const char *bytes, uint64_t size) { sbi_write((uint64_t)bytes, bytes, size); }

__attribute__((weak)) uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc) {
    print("FAILED: unexpected trap, scause 0x%lx, stval 0x%lx, sepc 0x%lx\n", cause, value, pc);
    guest_end(true);
}

_Noreturn void guest_end(bool failed) { sbi_shutdown(failed); }

static const void *tree;

const struct machine *bare_machine(void) {
    static struct machine machine;
    if (machine.tree == NULL) {
        const size_t size = machine_tree_size(tree);
        if (size == 0 || !machine_read(&machine, tree, size))
            guest_end(true);
    }
    return &machine;
}

static __attribute__((used)) _Noreturn void bare_begin(uint64_t cpu, const void *device_tree) {
    tree = device_tree;
    guest_end(!guest_main(cpu, device_tree));
}

struct caller_saved {
    uint64_t ra, t[7], a[8];
};

__attribute__((naked, used, aligned(4))) void bare_vector_code(void) {
    __asm__ volatile(
        ".globl bare_vector\n"
        "bare_vector:\n"
        "addi sp, sp, -%[size]\n"
        "sd ra, %[ra](sp)\n"
        ".irp n, 0,1,2,3,4,5,6\n"
        "sd t\\n, %[t]+8*\\n(sp)\n"
        ".endr\n"
        ".irp n, 0,1,2,3,4,5,6,7\n"
        "sd a\\n, %[a]+8*\\n(sp)\n"
        ".endr\n"
        "csrr a0, scause\n"
        "csrr a1, stval\n"
        "csrr a2, sepc\n"
        "call bare_trap\n"
        "csrw sepc, a0\n"
        "ld ra, %[ra](sp)\n"
        ".irp n, 0,1,2,3,4,5,6\n"
        "ld t\\n, %[t]+8*\\n(sp)\n"
        ".endr\n"
        ".irp n, 0,1,2,3,4,5,6,7\n"
        "ld a\\n, %[a]+8*\\n(sp)\n"
        ".endr\n"
        "addi sp, sp, %[size]\n"
        "sret\n" ::[size] "i"(sizeof(struct caller_saved)),
        [ra] "i"(offsetof(struct caller_saved, ra)), [t] "i"(offsetof(struct caller_saved, t)),
        [a] "i"(offsetof(struct caller_saved, a)));
}

// a0 and a1 go through to bare_begin.
__attribute__((naked, used, section(".boot"))) void _start(void) {
    __asm__ volatile("csrw sie, zero\n"
                     "csrci sstatus, %[sie]\n"
                     "la sp, %[stack] + %[size]\n"
                     "la t0, image_bss\n"
                     "la t1, image_bss_end\n"
                     "1: bgeu t0, t1, 2f\n"
                     "sd zero, (t0)\n"
                     "addi t0, t0, 8\n"
                     "j 1b\n"
                     "2: la t0, bare_vector\n"
                     "csrw stvec, t0\n"
                     "tail %[begin]\n" ::[sie] "i"(SSTATUS_SIE),
                     [stack] "i"(stack), [size] "i"(STACK_SIZE), [begin] "i"(bare_begin));
}
