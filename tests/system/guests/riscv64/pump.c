// Makes exits of every class, for ever, whatever the answers do to its registers: for servers that
// give wrong ones. All that it knows it loads anew each time; a trap is a new beginning. With
// timer=own it sets its timer itself (Sstc), else through its firmware.
#include "arch/riscv64/guest/csr.h"
#include "tests/system/guests/check.h"

#define WAIT_TICKS 2000

// Guest-physical: memory that comes on demand, and what is nowhere (tests/recovery/manifests).
#define DEMAND_BASE 0x90000000ull
#define DEMAND_SIZE 0x1000000
#define NOWHERE 0x60000000

static __attribute__((used)) uint64_t own_timer, touched, nowhere;

static __attribute__((naked, aligned(4), noreturn)) void pump(void) {
    __asm__ volatile("1: li t0, %[stie]\n"
                     "csrw sie, t0\n"
                     // The timer, by which every wait ends.
                     "csrr t1, time\n"
                     "li t0, %[wait]\n"
                     "add a0, t1, t0\n"
                     "lla t0, own_timer\n"
                     "ld t0, 0(t0)\n"
                     "beqz t0, 2f\n"
                     "csrw 0x14d, a0\n" // stimecmp
                     "2: li a6, 0\n"
                     "li a7, 0x54494d45\n"
                     "ecall\n"
                     // The console.
                     "li a0, '.'\n"
                     "li a6, 2\n"
                     "li a7, 0x4442434e\n"
                     "ecall\n"
                     // Memory on demand, one page after the other.
                     "lla t0, touched\n"
                     "ld t1, 0(t0)\n"
                     "li t2, 4096\n"
                     "add t1, t1, t2\n"
                     "li t2, %[size] - 1\n"
                     "and t1, t1, t2\n"
                     "sd t1, 0(t0)\n"
                     "li t2, %[demand]\n"
                     "add t1, t1, t2\n"
                     "sd t1, 0(t1)\n"
                     // An emulated register.
                     "li t0, 0x101000\n"
                     "lw t1, 0(t0)\n"
                     "sw t1, 8(t0)\n"
                     // What is nowhere, if that is wanted.
                     "lla t0, nowhere\n"
                     "ld t0, 0(t0)\n"
                     "beqz t0, 3f\n"
                     "ld t1, 0(t0)\n"
                     // A wait, and a register that is nowhere either.
                     "3: wfi\n"
                     "csrr t1, 0xc80\n"
                     "j 1b\n" ::[stie] "i"(SIE_STIE),
                     [wait] "i"(WAIT_TICKS), [demand] "i"(DEMAND_BASE), [size] "i"(DEMAND_SIZE));
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    char text[8];
    own_timer = machine_bootarg(machine, "timer", text, sizeof(text)) && text[0] == 'o';
    nowhere = machine_bootarg(machine, "nowhere", text, sizeof(text)) ? NOWHERE : 0;
    print("pump: begins\n");
    csr_write(stvec, (uint64_t)&pump);
    pump();
}
