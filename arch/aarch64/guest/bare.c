#include "arch/aarch64/guest/bare.h"

#include <stddef.h>

#include "arch/aarch64/guest/entry.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/bare.h"
#include "guest/firmware.h"

static struct machine machine;

const struct machine *bare_machine(void) { return &machine; }

void print_bytes(const char *bytes, uint64_t size) { firmware_write(bytes, size); }

_Noreturn void guest_end(bool failed) { firmware_shutdown(failed); }

__attribute__((weak)) uint64_t bare_trap(const struct bare_trap *trap) {
    print("FAILED: unexpected trap, kind %lu, ESR 0x%lx, FAR 0x%lx, ELR 0x%lx\n", trap->kind,
          trap->syndrome, trap->address, trap->pc);
    guest_end(true);
}

// What a C function may change, the trap, and PSTATE.
struct saved {
    uint64_t x0_to_x17[18];
    uint64_t x18, x30;
    struct bare_trap trap;
    uint64_t status, unused;
};
_Static_assert(sizeof(struct saved) % 16 == 0, "the stack pointer stays aligned");
_Static_assert(sizeof(struct bare_trap) == 32, "stored in two pairs");

// x0 and x1 are saved, x0 is the kind.
static __attribute__((naked, used)) void bare_save(void) {
    __asm__ volatile(
        "stp x2, x3, [sp, #16]\n"
        "stp x4, x5, [sp, #32]\n"
        "stp x6, x7, [sp, #48]\n"
        "stp x8, x9, [sp, #64]\n"
        "stp x10, x11, [sp, #80]\n"
        "stp x12, x13, [sp, #96]\n"
        "stp x14, x15, [sp, #112]\n"
        "stp x16, x17, [sp, #128]\n"
        "stp x18, x30, [sp, #144]\n"
        "mrs x1, esr_el1\n"
        "mrs x2, far_el1\n"
        "mrs x3, elr_el1\n"
        "mrs x4, spsr_el1\n"
        "stp x0, x1, [sp, #%[trap]]\n"
        "stp x2, x3, [sp, #%[trap] + 16]\n"
        "str x4, [sp, #%[status]]\n"
        "add x0, sp, #%[trap]\n"
        "bl bare_trap\n"
        "ldr x4, [sp, #%[status]]\n"
        "msr elr_el1, x0\n"
        "msr spsr_el1, x4\n"
        "ldp x2, x3, [sp, #16]\n"
        "ldp x4, x5, [sp, #32]\n"
        "ldp x6, x7, [sp, #48]\n"
        "ldp x8, x9, [sp, #64]\n"
        "ldp x10, x11, [sp, #80]\n"
        "ldp x12, x13, [sp, #96]\n"
        "ldp x14, x15, [sp, #112]\n"
        "ldp x16, x17, [sp, #128]\n"
        "ldp x18, x30, [sp, #144]\n"
        "ldp x0, x1, [sp], #%[size]\n"
        "eret\n" ::[size] "i"(sizeof(struct saved)),
        [trap] "i"(offsetof(struct saved, trap)), [status] "i"(offsetof(struct saved, status)));
}

// All sixteen entries are alike: there is one level, and one stack.
static __attribute__((naked, used, aligned(2048))) void bare_vector(void) {
    __asm__ volatile(".irp part, 0, 1, 2, 3\n"
                     ".irp kind, 0, 1, 2, 3\n"
                     ".balign 0x80\n"
                     "stp x0, x1, [sp, #-%[size]]!\n"
                     "mov x0, \\kind\n"
                     "b %[save]\n"
                     ".endr\n"
                     ".endr\n" ::[size] "i"(sizeof(struct saved)),
                     [save] "i"(bare_save));
}

// Addresses are physical.
static volatile void *here(struct phys at, uint64_t size) {
    (void)size;
    return (volatile void *)(uintptr_t)at.raw;
}

_Noreturn void entry_begin(uint64_t device_tree) {
    const void *tree = (const void *)(uintptr_t)device_tree;
    sysreg_write(vbar_el1, bare_vector);
    sysreg_write(cntkctl_el1, 0);
    sysreg_sync();
    const size_t size = machine_tree_size(tree);
    if (size == 0 || !machine_read(&machine, tree, size))
        guest_end(true);
    firmware_init(&machine, here);
    guest_end(!guest_main(sysreg_read(mpidr_el1) & MPIDR_AFFINITY, tree));
}
