// Makes exits of every class, for ever, whatever the answers do to its registers: for servers that
// give wrong ones. All that it knows it loads anew each time; a trap is a new beginning.
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

#define WAIT_TICKS 12500 // 200 us

// Guest-physical: memory that comes on demand, and what is nowhere (tests/recovery/manifests).
#define DEMAND_BASE 0x50000000
#define DEMAND_SIZE 0x1000000
#define NOWHERE 0x60000000

static __attribute__((used)) uint64_t touched, nowhere;

static __attribute__((naked, noreturn)) void pump(void) {
    __asm__ volatile("1: msr daifset, #0xf\n"
                     // The interrupt controller, so far as the timer's interrupt needs it.
                     "mov x0, #0x08000000\n"
                     "mov w1, #0x12\n"
                     "str w1, [x0]\n"
                     "mov x0, #0x080b0000\n"
                     "mov w1, #0x08000000\n"
                     "str w1, [x0, #0x80]\n"
                     "str w1, [x0, #0x100]\n"
                     "ldr w2, [x0, #0x200]\n"
                     "mov x1, #1\n"
                     "msr icc_sre_el1, x1\n"
                     "isb\n"
                     "msr icc_igrpen1_el1, x1\n"
                     "mov x1, #0xff\n"
                     "msr icc_pmr_el1, x1\n"
                     // The timer, by which every wait ends.
                     "mrs x1, cntvct_el0\n"
                     "mov x2, %[wait]\n"
                     "add x1, x1, x2\n"
                     "msr cntv_cval_el0, x1\n"
                     "mov x1, #1\n"
                     "msr cntv_ctl_el0, x1\n"
                     "isb\n"
                     // PSCI_VERSION, and a call that is nobody's.
                     "mov w0, #0x84000000\n"
                     "hvc #0\n"
                     "mov w0, #0x1234\n"
                     "smc #0\n"
                     // The console.
                     "mov x0, #0x09000000\n"
                     "mov w1, #'.'\n"
                     "str w1, [x0]\n"
                     // Memory on demand, one page after the other.
                     "adrp x0, touched\n"
                     "add x0, x0, :lo12:touched\n"
                     "ldr x1, [x0]\n"
                     "add x1, x1, #4096\n"
                     "and x1, x1, %[size] - 1\n"
                     "str x1, [x0]\n"
                     "mov x2, %[demand]\n"
                     "add x1, x1, x2\n"
                     "str x1, [x1]\n"
                     // An emulated register, an interrupt for itself.
                     "mov x0, #0x09010000\n"
                     "ldr w1, [x0]\n"
                     "mov x1, #1\n"
                     "msr icc_sgi1r_el1, x1\n"
                     // What is nowhere, if that is wanted.
                     "adrp x0, nowhere\n"
                     "add x0, x0, :lo12:nowhere\n"
                     "ldr x0, [x0]\n"
                     "cbz x0, 3f\n"
                     "ldr x1, [x0]\n"
                     // What is pending ends, so that the wait is one; and a register that is
                     // nowhere either.
                     "3: mrs x0, icc_iar1_el1\n"
                     "msr icc_eoir1_el1, x0\n"
                     "wfi\n"
                     "mrs x0, icc_iar1_el1\n"
                     "msr icc_eoir1_el1, x0\n"
                     "mrs x0, pmccntr_el0\n"
                     "b 1b\n" ::[wait] "i"(WAIT_TICKS),
                     [demand] "i"(DEMAND_BASE), [size] "i"(DEMAND_SIZE));
}

static __attribute__((naked, used, aligned(2048))) void vector(void) {
    __asm__ volatile(".rept 16\n"
                     ".balign 0x80\n"
                     "b %[pump]\n"
                     ".endr\n" ::[pump] "i"(pump));
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    char text[8];
    nowhere = machine_bootarg(machine, "nowhere", text, sizeof(text)) ? NOWHERE : 0;
    print("pump: begins\n");
    sysreg_write(vbar_el1, vector);
    sysreg_sync();
    pump();
}
