// Instructions that compute with memory do the same to a register of the local APIC's page, which
// is emulated, as to RAM: results, flags, and the registers that they change.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"

#define INITIAL 0x380 // the timer's initial count: all 32 bits of it can be read and written
#define ROUNDS 40

#define CF (1u << 0)
#define PF (1u << 2)
#define AF (1u << 4)
#define ZF (1u << 6)
#define SF (1u << 7)
#define OF (1u << 11)
#define ALL (CF | PF | AF | ZF | SF | OF)

struct outcome {
    uint64_t a, c, d;
    uint64_t flags;
    uint32_t memory;
};

typedef void form(volatile uint32_t *at, struct outcome *outcome);

// FLAGS are those that the manual defines (APM volume 3).
#define FORMS(X)                                                                                   \
    X(test_register, "testl %%edx, (%%rsi)", ALL & ~AF)                                            \
    X(test_immediate, "testl $0x80001000, (%%rsi)", ALL & ~AF)                                     \
    X(cmp_register, "cmpl %%edx, (%%rsi)", ALL)                                                    \
    X(cmp_memory, "cmpl (%%rsi), %%edx", ALL)                                                      \
    X(cmp_immediate, "cmpl $-3, (%%rsi)", ALL)                                                     \
    X(cmp_indexed, "cmpl $0x12345678, 4(%%rsi, %%rdi, 4)", ALL)                                    \
    X(add_to_memory, "addl %%edx, (%%rsi)", ALL)                                                   \
    X(add_to_register, "addl (%%rsi), %%edx", ALL)                                                 \
    X(add_immediate, "addl $0x12345678, (%%rsi)", ALL)                                             \
    X(add_locked, "lock addl $1, (%%rsi)", ALL)                                                    \
    X(or_to_memory, "orl %%edx, (%%rsi)", ALL & ~AF)                                               \
    X(or_to_register, "orl (%%rsi), %%edx", ALL & ~AF)                                             \
    X(or_immediate, "orl $0x40, (%%rsi)", ALL & ~AF)                                               \
    X(or_locked, "lock orl %%ecx, (%%rsi)", ALL & ~AF)                                             \
    X(adc_to_memory, "adcl %%edx, (%%rsi)", ALL)                                                   \
    X(adc_to_register, "adcl (%%rsi), %%edx", ALL)                                                 \
    X(sbb_to_memory, "sbbl %%edx, (%%rsi)", ALL)                                                   \
    X(sbb_immediate, "sbbl $0, (%%rsi)", ALL)                                                      \
    X(and_to_memory, "andl %%edx, (%%rsi)", ALL & ~AF)                                             \
    X(and_to_register, "andl (%%rsi), %%eax", ALL & ~AF)                                           \
    X(and_immediate, "andl $-0x1001, (%%rsi)", ALL & ~AF)                                          \
    X(sub_to_memory, "subl %%edx, (%%rsi)", ALL)                                                   \
    X(sub_to_register, "subl (%%rsi), %%eax", ALL)                                                 \
    X(xor_to_memory, "xorl %%edx, (%%rsi)", ALL & ~AF)                                             \
    X(xor_to_register, "xorl (%%rsi), %%ecx", ALL & ~AF)                                           \
    X(inc, "incl (%%rsi)", ALL)                                                                    \
    X(dec, "decl (%%rsi)", ALL)                                                                    \
    X(inc_locked, "lock incl (%%rsi)", ALL)                                                        \
    X(not, "notl (%%rsi)", ALL)                                                                    \
    X(neg, "negl (%%rsi)", ALL)                                                                    \
    X(bt, "btl $31, (%%rsi)", CF)                                                                  \
    X(bt_register, "btl %%edi, 4(%%rsi)", CF)                                                      \
    X(bts, "btsl $7, (%%rsi)", CF)                                                                 \
    X(bts_locked, "lock btsl $30, (%%rsi)", CF)                                                    \
    X(btr, "btrl $3, (%%rsi)", CF)                                                                 \
    X(btc, "btcl $0, (%%rsi)", CF)                                                                 \
    X(btc_register, "btcl %%edi, 4(%%rsi)", CF)                                                    \
    X(xchg, "xchgl %%edx, (%%rsi)", ALL)                                                           \
    X(xadd, "lock xaddl %%edx, (%%rsi)", ALL)                                                      \
    X(cmpxchg, "lock cmpxchgl %%edx, (%%rsi)", ALL)                                                \
    X(cmpxchg_equal, "movl (%%rsi), %%eax\ncmpxchgl %%edx, (%%rsi)", ALL)                          \
    X(shl, "shll (%%rsi)", ALL & ~AF)                                                              \
    X(shl_count, "shll $5, (%%rsi)", CF | PF | ZF | SF)                                            \
    X(shr, "shrl (%%rsi)", ALL & ~AF)                                                              \
    X(shr_cl, "orb $1, %%cl\nshrl %%cl, (%%rsi)", CF | PF | ZF | SF)                               \
    X(shl_none, "movb $32, %%cl\nshll %%cl, (%%rsi)", ALL)                                         \
    X(sar, "sarl (%%rsi)", ALL & ~AF)                                                              \
    X(sar_count, "sarl $31, (%%rsi)", CF | PF | ZF | SF)                                           \
    X(rol, "roll (%%rsi)", ALL)                                                                    \
    X(ror_count, "rorl $9, (%%rsi)", ALL & ~OF)                                                    \
    X(rcl, "rcll (%%rsi)", ALL)                                                                    \
    X(rcr_cl, "movb $3, %%cl\nrcrl %%cl, (%%rsi)", ALL & ~OF)

// RDI is -1.
#define DEFINE(name, text, defined)                                                                \
    static void do_##name(volatile uint32_t *at, struct outcome *o) {                              \
        __asm__ volatile("pushq %[flags]\npopfq\n" text "\npushfq\npopq %[flags]"                  \
                         : "+a"(o->a), "+c"(o->c), "+d"(o->d), [flags] "+r"(o->flags)              \
                         : "S"(at), "D"(UINT64_C(-1))                                              \
                         : "memory", "cc");                                                        \
    }
FORMS(DEFINE)

#define ROW(name, text, defined) {#name, do_##name, defined},
static const struct {
    const char *name;
    form *run;
    uint64_t defined;
} forms[] = {FORMS(ROW)};

static volatile uint32_t *device;
static volatile uint32_t ram[4];

static void device_put(uint32_t value) {
    __asm__ volatile("movl %1, %0" : "=m"(*device) : "r"(value));
}

static uint32_t device_get(void) {
    uint32_t value;
    __asm__ volatile("movl %1, %0" : "=r"(value) : "m"(*device));
    return value;
}

static void compare(size_t i, uint32_t memory, struct outcome on_ram) {
    struct outcome on_device = on_ram;
    ram[1] = memory;
    device_put(memory);
    forms[i].run(&ram[1], &on_ram);
    forms[i].run(device, &on_device);
    on_ram.memory = ram[1];
    on_device.memory = device_get();
    const uint64_t differ = (on_ram.flags ^ on_device.flags) & (forms[i].defined | ~(uint64_t)ALL);
    check(differ == 0, "%s of 0x%x: flags 0x%lx, not 0x%lx", forms[i].name, memory, on_device.flags,
          on_ram.flags);
    check(on_ram.memory == on_device.memory, "%s of 0x%x: 0x%x in memory, not 0x%x", forms[i].name,
          memory, on_device.memory, on_ram.memory);
    check(on_ram.a == on_device.a && on_ram.c == on_device.c && on_ram.d == on_device.d,
          "%s of 0x%x: 0x%lx, 0x%lx, 0x%lx in registers, not 0x%lx, 0x%lx, 0x%lx", forms[i].name,
          memory, on_device.a, on_device.c, on_device.d, on_ram.a, on_ram.c, on_ram.d);
}

// Often at one of the ends, and often the same as another.
static uint64_t operand(void) {
    static const uint64_t ends[] = {0, 1, UINT64_C(0x80000000), UINT64_C(0x7fffffff), UINT32_MAX};
    const uint64_t number = check_random(), how = check_random();
    const uint64_t end = ends[(how >> 8) % (sizeof(ends) / sizeof(ends[0]))];
    return how & 1 ? number : end | (how & 2 ? 0 : number << 32);
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    const uint64_t base = x86_read_msr(MSR_APIC_BASE) & ~UINT64_C(0xfff);
    device = (volatile uint32_t *)(base + INITIAL); // the timer is masked
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
            const uint32_t memory = (uint32_t)operand();
            const struct outcome before = {.a = round & 1 ? memory : operand(),
                                           .c = operand(),
                                           .d = operand(),
                                           .flags = 2 | (check_random() & ALL)};
            compare(i, memory, before);
        }
    }
    device_put(0);
    return check_end("compute");
}
