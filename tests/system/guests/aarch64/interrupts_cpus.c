// Interrupts from CPU to CPU, and those of devices that are another CPU's.
#include "tests/system/guests/aarch64/interrupts.h"

#define CPU_OFF 0x84000002u
#define CPU_ON 0xc4000003u
#define AFFINITY_INFO 0xc4000004u
#define AFFINITY_OFF 1

#define STACK_SIZE 4096

#define PING 1
#define PONG 2
#define STOP 5
#define PINGS 50

#define TO_ALL_OTHERS (UINT64_C(1) << 40)

static _Alignas(16) __attribute__((used)) unsigned char stack[STACK_SIZE];
static volatile unsigned taken[FIRST + CASES]; // by the second CPU

static void send(unsigned intid, uint64_t targets) {
    __asm__ volatile("dsb sy" ::: "memory");
    sysreg_write(icc_sgi1r_el1, (uint64_t)intid << 24 | targets);
    sysreg_sync();
}

// Answers each PING by a PONG, and any other interrupt too; ends with STOP. In its second LIFE the
// controller's registers are as the first has left them.
static __attribute__((used)) _Noreturn void second_main(uint64_t life) {
    if (life == 0) {
        gic_begin_cpu(this_cpu());
        gic_bit(ICENABLER, TIMER);
        gic_bit(ISENABLER, PING);
        gic_bit(ISENABLER, STOP);
        send(PONG, 1);
    } else {
        gic_begin_interface();
    }
    for (bool goes_on = true; goes_on;) {
        const unsigned intid = gic_take();
        if (intid == SPURIOUS) {
            __asm__ volatile("wfi" ::: "memory");
            continue;
        }
        taken[intid]++;
        goes_on = intid != STOP;
        gic_end(intid);
        if (intid == PING)
            send(PONG, TO_ALL_OTHERS);
        else if (goes_on)
            send(PONG, 1);
    }
    firmware_call(CPU_OFF, 0, 0, 0);
    for (;;) {
    }
}

static __attribute__((naked)) void second_start(void) {
    __asm__ volatile("adrp x1, %[stack]\n"
                     "add x1, x1, :lo12:%[stack]\n"
                     "add sp, x1, #%[size]\n"
                     "b %[main]\n" ::[stack] "S"(stack),
                     [size] "i"(STACK_SIZE), [main] "S"(second_main));
}

static void expect_pong(const char *of) {
    const unsigned intid = gic_wait();
    check(intid == PONG, "interrupt %u, not the answer to %s", intid, of);
    if (intid != SPURIOUS)
        gic_end(intid);
}

static void start(uint64_t life) {
    const int error = (int)firmware_call(CPU_ON, 1, (uint64_t)second_start, life);
    check(error == 0, "CPU_ON: %d", error);
}

static void stop(void) {
    send(STOP, 1u << 1);
    while (firmware_call(AFFINITY_INFO, 1, 0, 0) != AFFINITY_OFF)
        __asm__ volatile("yield" ::: "memory");
}

void try_cpus(const struct machine *machine) {
    check(machine->cpus == 2, "%u CPUs", machine->cpus);
    for (unsigned intid = 0; intid < FIRST + CASES; intid++)
        taken[intid] = 0;
    gic_bit(ISENABLER, PONG);
    start(0);
    expect_pong("CPU_ON");
    for (unsigned n = 0; n < PINGS; n++) {
        send(PING, n % 2 ? 1u << 1 : TO_ALL_OTHERS);
        expect_pong("PING");
    }
    check(taken[PING] == PINGS, "%u of %u", taken[PING], PINGS);
    // Those of the other CPU do not come here, pending before or behind the change of the route.
    gic_bit(ISENABLER, FIRST);
    gic_route(FIRST, 1);
    gic_bit(ISPENDR, FIRST);
    expect_pong("a device");
    gic_bit(ISENABLER, FIRST + 1);
    gic_bit(ISPENDR, FIRST + 1);
    gic_route(FIRST + 1, 1);
    expect_pong("a change of route");
    check(taken[FIRST] == 1 && taken[FIRST + 1] == 1, "%u, %u", taken[FIRST], taken[FIRST + 1]);
    stop();
    check(taken[STOP] == 1, "%u", taken[STOP]);
    // What is pending for a CPU that is off is so still when it is on.
    send(PING, 1u << 1);
    start(1);
    expect_pong("what was sent while it was off");
    stop();
    check(taken[PING] == PINGS + 1 && taken[STOP] == 2, "%u, %u", taken[PING], taken[STOP]);
    check(gic_take() == SPURIOUS, "nothing is left");
}
