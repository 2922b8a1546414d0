// Interrupts from CPU to CPU, and those of devices that are another CPU's.
#include "tests/system/guests/aarch64/interrupts.h"
#include "tests/system/guests/aarch64/second.h"

#define CPU_OFF 0x84000002u
#define CPU_ON 0xc4000003u
#define AFFINITY_INFO 0xc4000004u
#define AFFINITY_OFF 1

#define PING 1
#define PONG 2
#define STOP 5
#define PINGS 50

static volatile unsigned taken[FIRST + CASES]; // by the second CPU

// Answers each PING by a PONG, and any other interrupt too; ends with STOP. In its second LIFE the
// controller's registers are as the first has left them.
static _Noreturn void second_main(uint64_t life) {
    if (life == 0) {
        gic_begin_cpu(this_cpu());
        gic_bit(ICENABLER, TIMER);
        gic_bit(ISENABLER, PING);
        gic_bit(ISENABLER, STOP);
        gic_send(PONG, 1);
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
            gic_send(PONG, TO_ALL_OTHERS);
        else if (goes_on)
            gic_send(PONG, 1);
    }
    firmware_call(CPU_OFF, 0, 0, 0);
    for (;;) {
    }
}

static void expect_pong(const char *of) {
    const unsigned intid = gic_wait();
    check(intid == PONG, "interrupt %u, not the answer to %s", intid, of);
    if (intid != SPURIOUS)
        gic_end(intid);
}

static void start(uint64_t life) {
    const int error = (int)firmware_call(CPU_ON, 1, second_entry(second_main), life);
    check(error == 0, "CPU_ON: %d", error);
}

static void stop(void) {
    gic_send(STOP, 1u << 1);
    while (firmware_call(AFFINITY_INFO, 1, 0, 0) != AFFINITY_OFF)
        __asm__ volatile("yield" ::: "memory");
}

void try_cpus(const struct machine *machine) {
    char text[4];
    check(machine->cpus == 2, "%u CPUs", machine->cpus);
    for (unsigned intid = 0; intid < FIRST + CASES; intid++)
        taken[intid] = 0;
    gic_bit(ISENABLER, PONG);
    start(0);
    expect_pong("CPU_ON");
    for (unsigned n = 0; n < PINGS; n++) {
        gic_send(PING, n % 2 ? 1u << 1 : TO_ALL_OTHERS);
        expect_pong("PING");
    }
    check(taken[PING] == PINGS, "%u of %u", taken[PING], PINGS);
    // Those of the other CPU do not come here, pending before or behind the change of the route.
    gic_bit(ISENABLER, FIRST);
    gic_route(FIRST, 1);
    gic_bit(ISPENDR, FIRST);
    expect_pong("a device");
    check(taken[FIRST] == 1, "%u", taken[FIRST]);
    if (!machine_bootarg(machine, "unmoved", text, sizeof(text))) {
        gic_bit(ISENABLER, FIRST + 1);
        gic_bit(ISPENDR, FIRST + 1);
        gic_route(FIRST + 1, 1);
        expect_pong("a change of route");
        check(taken[FIRST + 1] == 1, "%u", taken[FIRST + 1]);
    }
    stop();
    check(taken[STOP] == 1, "%u", taken[STOP]);
    // What is pending for a CPU that is off is so still when it is on.
    gic_send(PING, 1u << 1);
    start(1);
    expect_pong("what was sent while it was off");
    stop();
    check(taken[PING] == PINGS + 1 && taken[STOP] == 2, "%u, %u", taken[PING], taken[STOP]);
    check(gic_take() == SPURIOUS, "nothing is left");
}

// Those that have sent PONG to this CPU, as GICD_SPENDSGIR has it.
static void wait_for_senders(unsigned wanted) {
    const uint64_t deadline = sysreg_read(cntvct_el0) + 2 * sysreg_read(cntfrq_el0);
    while (gic_senders(PONG) != wanted && sysreg_read(cntvct_el0) < deadline)
        __asm__ volatile("yield" ::: "memory");
    check(gic_senders(PONG) == wanted, "senders 0x%x, not 0x%x", gic_senders(PONG), wanted);
}

static unsigned take_pong(void) {
    const unsigned intid = gic_take();
    check(intid == PONG, "interrupt %u, not an SGI", intid);
    const unsigned sender = gic_sender();
    if (intid != SPURIOUS)
        gic_end(intid);
    return sender;
}

// One SGI that two have sent comes twice, and says from whom; and each can be taken back.
void try_senders(const struct machine *machine) {
    (void)machine;
    gic_send(PONG, 1u << 0);
    gic_send(PONG, 1u << 0);
    check(take_pong() == 0 && gic_take() == SPURIOUS, "sent twice is once");
    start(0);
    expect_pong("CPU_ON");
    gic_send(PONG, 1u << 0);
    gic_send(PING, TO_ALL_OTHERS);
    wait_for_senders(3);
    check(gic_is(ISPENDR, PONG), "pending");
    check(take_pong() + take_pong() == 0 + 1, "one of each");
    check(gic_take() == SPURIOUS && gic_senders(PONG) == 0, "no more");
    gic_send(PONG, 1u << 0);
    gic_send(PING, 1u << 1);
    wait_for_senders(3);
    gic_change_senders(PONG, 1u << 0, false);
    check(take_pong() == 1, "the other one's is left");
    gic_change_senders(PONG, 1u << 1, true);
    check(gic_senders(PONG) == 1u << 1 && take_pong() == 1, "as if the other one had sent it");
    check(gic_take() == SPURIOUS, "nothing is left");
    stop();
}
