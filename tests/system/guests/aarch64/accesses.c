// Every kind of load and store that a device's registers can be reached by: those that hardware
// describes, and those that have to be decoded (Arm DDI 0487, D19.2.37, ISV). The registers are the
// interrupt controller's, as bytes, words and doublewords: priorities and routes of interrupts that
// stay disabled.
#include "arch/aarch64/guest/bare.h"
#include "tests/system/guests/check.h"

#define GIC "arm,gic-v3"
#define GICD_CTLR 0x0
#define GICD_CTLR_AFFINITY 0x10u
#define GICD_IPRIORITYR 0x400
#define GICD_IROUTER 0x6000
#define INTID 40 // of the first of eight
#define ANY_CPU 0x80000000u

// x0 is the address, and becomes what the instruction makes of it; x1 is what is stored or loaded.
#define ACCESS(instruction, address, value)                                                        \
    register uint64_t x0 __asm__("x0") = (address);                                                \
    register uint64_t x1 __asm__("x1") = (value);                                                  \
    __asm__ volatile(instruction : "+r"(x0), "+r"(x1)::"memory")

#define LOADS(instruction, address, expected)                                                      \
    do {                                                                                           \
        ACCESS(instruction, address, 0x5555555555555555);                                          \
        const uint64_t loaded = x1;                                                                \
        check(loaded == (expected), instruction ": 0x%lx, not 0x%lx", loaded,                      \
              (uint64_t)(expected));                                                               \
    } while (0)

#define STORES(instruction, address, value, moved)                                                 \
    do {                                                                                           \
        ACCESS(instruction, address, value);                                                       \
        const int64_t by = (int64_t)(x0 - (address));                                              \
        const uint64_t kept = x1;                                                                  \
        check(by == (moved), instruction ": the address moves by %ld", by);                        \
        check(kept == (value), instruction ": what is stored becomes 0x%lx", kept);                \
    } while (0)

// The address moves by as much, and x1 becomes what is loaded.
#define MOVES(instruction, address, expected, moved)                                               \
    do {                                                                                           \
        ACCESS(instruction, address, 0x5555555555555555);                                          \
        const int64_t by = (int64_t)(x0 - (address));                                              \
        const uint64_t loaded = x1;                                                                \
        check(by == (moved), instruction ": the address moves by %ld", by);                        \
        check(loaded == (expected), instruction ": 0x%lx, not 0x%lx", loaded,                      \
              (uint64_t)(expected));                                                               \
    } while (0)

// A pair's, x1 and x2: what they are before it and after it, and by how much the address moves.
#define PAIR(instruction, address, before1, before2, after1, after2, moved)                        \
    do {                                                                                           \
        register uint64_t x0 __asm__("x0") = (address);                                            \
        register uint64_t x1 __asm__("x1") = (before1);                                            \
        register uint64_t x2 __asm__("x2") = (before2);                                            \
        __asm__ volatile(instruction : "+r"(x0), "+r"(x1), "+r"(x2)::"memory");                    \
        const int64_t by = (int64_t)(x0 - (address));                                              \
        const uint64_t first = x1, second = x2;                                                    \
        check(by == (moved), instruction ": the address moves by %ld", by);                        \
        check(first == (after1) && second == (after2), instruction ": 0x%lx, 0x%lx", first,        \
              second);                                                                             \
    } while (0)
#define LOADS_PAIR(instruction, address, expected1, expected2)                                     \
    PAIR(instruction, address, 0x55, 0x66, expected1, expected2, 0)
#define STORES_PAIR(instruction, address, value1, value2, moved)                                   \
    PAIR(instruction, address, value1, value2, value1, value2, moved)

static void loads(uint64_t at) {
    STORES("str w1, [x0]", at, 0xffffffffa0908070, 0);
    LOADS("ldr w1, [x0]", at, 0xa0908070);
    LOADS("ldrsw x1, [x0]", at, 0xffffffffa0908070);
    LOADS("ldrb w1, [x0, #3]", at, 0xa0);
    LOADS("ldrsb w1, [x0, #3]", at, 0xffffffa0);
    LOADS("ldrsb x1, [x0, #3]", at, 0xffffffffffffffa0);
    LOADS("ldrsb x1, [x0]", at, 0x70);
    LOADS("ldur w1, [x0, #-4]", at + 4, 0xa0908070);
    LOADS("ldr w1, [x0, w1, uxtw #2]", at - 4 * 0x55555555ul, 0xa0908070);
    LOADS("ldar w1, [x0]", at, 0xa0908070);
    LOADS("ldarb w1, [x0]", at, 0x70);
    LOADS("ldtr w1, [x0]", at, 0xa0908070);
    LOADS("ldr wzr, [x0]", at, 0x5555555555555555);
    // The same again and again, with others in between.
    for (unsigned i = 0; i < 4; i++) {
        LOADS("ldrb w1, [x0, #1]", at, 0x80);
        LOADS("ldrb w1, [x0, #2]", at, 0x90);
        LOADS("ldr w1, [x0]", at, 0xa0908070);
    }
}

static void stores(uint64_t at) {
    STORES("str w1, [x0], #4", at, 0x10203040, 4);
    STORES("str w1, [x0, #4]!", at, 0x50607080, 4);
    LOADS("ldr w1, [x0]", at, 0x10203040);
    LOADS("ldr w1, [x0, #4]", at, 0x50607080);
    STORES("strb w1, [x0], #-1", at + 2, 0xa8, -1);
    STORES("strb w1, [x0, #-1]!", at + 2, 0xb8, -1);
    LOADS("ldr w1, [x0]", at, 0x10a8b840);
    STORES("str wzr, [x0], #255", at, 7, 255);
    LOADS("ldr w1, [x0]", at, 0);
    STORES("stlr w1, [x0]", at, 0x20202020, 0);
    STORES("sttr w1, [x0, #4]", at, 0x30303030, 0);
    STORES("strb wzr, [x0, #1]", at, 9, 0);
    LOADS("ldr w1, [x0]", at, 0x20200020);
    LOADS("ldr w1, [x0, #4]", at, 0x30303030);
}

static void doublewords(uint64_t at) {
    STORES("str x1, [x0], #8", at, ANY_CPU, 8);
    STORES("str x1, [x0, #8]!", at, 0, 8);
    LOADS("ldr x1, [x0]", at, ANY_CPU);
    LOADS("ldr x1, [x0, #8]", at, 0);
    LOADS("ldrsw x1, [x0]", at, 0xffffffff80000000);
    STORES("str xzr, [x0], #-256", at, 1, -256);
    LOADS("ldr x1, [x0]", at, 0);
}

static void moving_loads(uint64_t at) {
    STORES("str w1, [x0]", at, 0xa0908070, 0);
    STORES("str w1, [x0, #4]", at, 0x10203040, 0);
    MOVES("ldr w1, [x0], #4", at, 0xa0908070, 4);
    MOVES("ldr w1, [x0, #4]!", at, 0x10203040, 4);
    MOVES("ldr w1, [x0, #0]!", at, 0xa0908070, 0);
    MOVES("ldrsw x1, [x0], #-256", at, 0xffffffffa0908070, -256);
    MOVES("ldrb w1, [x0], #1", at, 0x70, 1);
    MOVES("ldrsb w1, [x0, #3]!", at, 0xffffffa0, 3);
    MOVES("ldrsb x1, [x0, #-1]!", at + 4, 0xffffffffffffffa0, -1);
    MOVES("ldr wzr, [x0], #8", at, 0x5555555555555555, 8);
    // The same again and again, with another in between.
    for (unsigned i = 0; i < 4; i++) {
        MOVES("ldr w1, [x0], #4", at, 0xa0908070, 4);
        MOVES("ldr w1, [x0], #4", at + 4, 0x10203040, 4);
        LOADS("ldr w1, [x0]", at, 0xa0908070);
    }
}

static void pairs(uint64_t at) {
    STORES_PAIR("stp w1, w2, [x0]", at, 0x5555555510203040, 0x50607080, 0);
    LOADS_PAIR("ldp w1, w2, [x0]", at, 0x10203040, 0x50607080);
    LOADS_PAIR("ldp w2, w1, [x0, #-8]", at + 8, 0x50607080, 0x10203040);
    LOADS_PAIR("ldnp w1, w2, [x0, #8]", at - 8, 0x10203040, 0x50607080);
    LOADS_PAIR("ldp wzr, w2, [x0]", at, 0x55, 0x50607080);
    PAIR("ldp w1, wzr, [x0], #8", at, 0, 0x66, 0x10203040, 0x66, 8);
    PAIR("ldp wzr, w2, [x0, #-8]!", at + 8, 0x55, 0, 0x55, 0x50607080, -8);
    STORES_PAIR("stp w1, w2, [x0], #8", at, 0xa0b0c0d0, 0x11223300 & 0xf0f0f0f0, 8);
    LOADS_PAIR("ldp w1, w2, [x0]", at, 0xa0b0c0d0, 0x10203000);
    LOADS_PAIR("ldpsw x1, x2, [x0]", at, 0xffffffffa0b0c0d0, 0x10203000);
    STORES_PAIR("stp w1, w2, [x0, #-8]!", at + 8, 0x20304050, 0x60708090, -8);
    STORES_PAIR("stp wzr, w2, [x0]", at, 7, 0x30303030, 0);
    LOADS_PAIR("ldp w1, w2, [x0]", at, 0, 0x30303030);
    STORES_PAIR("stnp w1, wzr, [x0]", at, 0x40404040, 7, 0);
    LOADS_PAIR("ldp w1, w2, [x0]", at, 0x40404040, 0);
}

static void pairs_of_doublewords(uint64_t at) {
    STORES_PAIR("stp x1, x2, [x0], #16", at, ANY_CPU, 0, 16);
    LOADS_PAIR("ldp x1, x2, [x0, #-16]", at + 16, ANY_CPU, 0);
    STORES_PAIR("stp xzr, x2, [x0]", at, 7, ANY_CPU, 0);
    LOADS_PAIR("ldp x1, x2, [x0]", at, 0, ANY_CPU);
    PAIR("ldp x1, xzr, [x0, #8]!", at, 7, 7, ANY_CPU, 7, 8);
}

#define RTC "arm,pl031"
#define RTC_MR 0x4
#define UART "arm,pl011"
#define UART_IBRD 0x24

// Registers that are words.
static void pairs_of_devices(void) {
    struct machine_range rtc, uart;
    const bool found = machine_device(bare_machine(), RTC, 0, &rtc) &&
                       machine_device(bare_machine(), UART, 0, &uart);
    check(found, "there is no clock or no UART");
    if (!found)
        return;
    // The match, and the time.
    STORES_PAIR("stp w1, w2, [x0, #4]", rtc.base, 0x12345678, 0x61234567, 0);
    LOADS_PAIR("ldp w1, w2, [x0]", rtc.base + RTC_MR, 0x12345678, 0x61234567);
    MOVES("ldr w1, [x0], #4", rtc.base, 0x61234567, 4);
    STORES_PAIR("stp w1, w2, [x0]", uart.base + UART_IBRD, 27, 13, 0);
    LOADS_PAIR("ldp w1, w2, [x0]", uart.base + UART_IBRD, 27, 13);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    struct machine_range gic;
    (void)cpu;
    if (!machine_device(bare_machine(), GIC, 0, &gic)) {
        print("accesses: there is no " GIC "\n");
        return false;
    }
    *(volatile uint32_t *)(gic.base + GICD_CTLR) = GICD_CTLR_AFFINITY;
    loads(gic.base + GICD_IPRIORITYR + INTID);
    stores(gic.base + GICD_IPRIORITYR + INTID);
    doublewords(gic.base + GICD_IROUTER + 8ul * INTID);
    moving_loads(gic.base + GICD_IPRIORITYR + INTID);
    pairs(gic.base + GICD_IPRIORITYR + INTID);
    pairs_of_doublewords(gic.base + GICD_IROUTER + 8ul * INTID);
    pairs_of_devices();
    return check_end("accesses");
}
