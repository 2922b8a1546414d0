// Writes random values to every register of its interrupt controller, in all sizes, sends
// interrupts to everybody and ends such as never began, on as many CPUs as there are. Afterwards
// the controller is set up again, and must bring the timer's interrupt as it did before.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/lib/string.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/firmware.h"
#include "tests/system/guests/timer.h"

#define ROUNDS 20000
#define BESIDE 5000
#define LINES 64 // 32 of them a CPU's own
#define PATIENCE 2000

static struct machine_range distributor, redistributors;
static bool is_v2; // then the latter are a CPU interface
static volatile bool beside_done;
static uint64_t millisecond;

// The compiler's own accesses may be of any form; these have a syndrome.
static void access(uint64_t at, unsigned size, bool write, uint64_t value) {
    switch (size << 1 | write) {
    case 2:
        __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 3:
        __asm__ volatile("strb %w0, [%1]" ::"r"(value), "r"(at) : "memory");
        break;
    case 4:
        __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 5:
        __asm__ volatile("strh %w0, [%1]" ::"r"(value), "r"(at) : "memory");
        break;
    case 8:
        __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 9:
        __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(at) : "memory");
        break;
    case 16:
        __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    default:
        __asm__ volatile("str %0, [%1]" ::"r"(value), "r"(at) : "memory");
        break;
    }
}

static uint64_t value(void) {
    static const uint64_t edges[] = {0, 1, UINT64_MAX, 0xffffffff, 0x80000000, 0x55555555};
    const uint64_t chance = check_random();
    return chance % 3 == 0 ? edges[chance / 3 % (sizeof(edges) / sizeof(edges[0]))]
                           : check_random();
}

static void touch_registers(void) {
    const bool which = (check_random() & 1) || is_v2;
    const struct machine_range *range = which ? &distributor : &redistributors;
    const unsigned size = 1u << check_random() % 4;
    // Most registers lie in the first pages of a frame.
    const uint64_t span = check_random() % 4 == 0 ? range->size : 0x1000;
    uint64_t offset = check_random() % span;
    if (!which && check_random() & 1)
        offset = (offset + 0x10000) % range->size;
    access(range->base + offset / size * size, size, check_random() & 1, value());
}

// GICC_CTLR, PMR, BPR, IAR, EOIR, ABPR, APR, DIR; and GICD_SGIR (IHI 0048, chapter 4).
static void touch_cpu_interface(void) {
    static const uint16_t registers[] = {0x0, 0x4, 0x8, 0xc, 0x10, 0x1c, 0xd0, 0x1000};
    const uint64_t which = check_random() % 16;
    if (which >= sizeof(registers) / sizeof(registers[0]))
        access(distributor.base + 0xf00, 4, true, value() & 0x03ff000f);
    else
        access(redistributors.base + registers[which], 4, registers[which] != 0xc,
               which == 4 || which == 7 ? value() % 1024 : value());
}

// By their numbers: SGIs, ends, masks, priorities (GIC Architecture Specification, chapter 12).
static void write_cpu_interface(void) {
    const uint64_t v = value();
    if (is_v2) {
        touch_cpu_interface();
        return;
    }
    switch (check_random() % 9) {
    case 0:
        sysreg_write(icc_sgi1r_el1, v);
        break;
    case 1:
        sysreg_write(icc_sgi1r_el1, v | UINT64_C(1) << 40); // to all others
        break;
    case 2:
        sysreg_write(icc_sgi1r_el1, (v & 0xf) << 24 | 0xffff); // to the first sixteen
        break;
    case 3:
        sysreg_write(icc_eoir1_el1, v % 1024);
        break;
    case 4:
        sysreg_write(icc_dir_el1, v % 1024);
        break;
    case 5:
        sysreg_write(icc_pmr_el1, v);
        break;
    case 6:
        sysreg_write(icc_bpr1_el1, v);
        break;
    case 7:
        sysreg_write(icc_ctlr_el1, v);
        break;
    default:
        (void)sysreg_read(icc_iar1_el1);
        break;
    }
    sysreg_sync();
}

static void beside(void) {
    for (unsigned i = 0; i < BESIDE; i++) {
        touch_registers();
        write_cpu_interface();
    }
    beside_done = true;
    firmware_stop();
}

// Nothing is enabled, pending or active any more.
static void clean(uint64_t cpus) {
    static const uint64_t clears[] = {0x180, 0x280, 0x380};
    for (unsigned i = 0; i < sizeof(clears) / sizeof(clears[0]); i++) {
        for (uint64_t n = 32; n < LINES; n += 32)
            access(distributor.base + clears[i] + n / 8, 4, true, 0xffffffff);
        if (is_v2)
            access(distributor.base + clears[i], 4, true, 0xffffffff);
        for (uint64_t cpu = 0; cpu < cpus && !is_v2; cpu++)
            access(redistributors.base + cpu * 0x20000 + 0x10000 + clears[i], 4, true, 0xffffffff);
    }
    if (is_v2) {
        for (unsigned n = 0; n < 16; n += 4)
            access(distributor.base + 0xf10 + n, 4, true, 0xffffffff); // GICD_CPENDSGIR
        access(redistributors.base + 0xd0, 4, true, 0);                // GICC_APR0
        access(redistributors.base + 0x8, 4, true, 0);
        return;
    }
    sysreg_write(icc_ap1r0_el1, 0);
    sysreg_write(icc_ap0r0_el1, 0);
    sysreg_write(icc_bpr1_el1, 0);
    sysreg_sync();
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    millisecond = timer_second(machine) / 1000;
    struct gic gic;
    check(gic_find(machine, &gic), "there is no GIC");
    distributor = gic.distributor;
    redistributors = gic.cpus;
    is_v2 = strcmp(gic.compatible, "arm,gic-v3") != 0;
    timer_begin();
    check(timer_wait(timer_now() + millisecond), "the timer at first");
    if (machine->cpus > 1) {
        const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
        check(firmware_start(other, beside) == 0, "the other CPU's start");
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        touch_registers();
        if (i % 4 == 0)
            write_cpu_interface();
    }
    for (unsigned i = 0; i < PATIENCE && machine->cpus > 1 && !beside_done; i++)
        __asm__ volatile("yield");
    clean(machine->cpus);
    timer_begin();
    clean(machine->cpus);
    timer_begin();
    for (unsigned i = 0; i < 10; i++)
        check(timer_wait(timer_now() + millisecond), "the timer afterwards, %u", i);
    return check_end("gic_nonsense");
}
