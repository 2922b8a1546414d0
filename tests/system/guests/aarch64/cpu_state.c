// Each of two CPUs writes what it can of EL1's registers, again and again, and must find them as it
// left them, whatever the other one has written meanwhile. A register that traps is nobody's. Needs
// a machine with two CPUs.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/second.h"
#include "tests/system/guests/check.h"

#define CPU_ON 0xc4000003u
#define ROUNDS 6

// By number, since no assembler for Armv8.0 knows them all, with the bits that are written. FAR_EL1
// comes last: a trap may change it.
#define REGISTERS(X)                                                                               \
    X(apiakeylo_el1, s3_0_c2_c1_0, ~0ull)                                                          \
    X(apiakeyhi_el1, s3_0_c2_c1_1, ~0ull)                                                          \
    X(apibkeylo_el1, s3_0_c2_c1_2, ~0ull)                                                          \
    X(apibkeyhi_el1, s3_0_c2_c1_3, ~0ull)                                                          \
    X(apdakeylo_el1, s3_0_c2_c2_0, ~0ull)                                                          \
    X(apdakeyhi_el1, s3_0_c2_c2_1, ~0ull)                                                          \
    X(apdbkeylo_el1, s3_0_c2_c2_2, ~0ull)                                                          \
    X(apdbkeyhi_el1, s3_0_c2_c2_3, ~0ull)                                                          \
    X(apgakeylo_el1, s3_0_c2_c3_0, ~0ull)                                                          \
    X(apgakeyhi_el1, s3_0_c2_c3_1, ~0ull)                                                          \
    X(afsr0_el1, s3_0_c5_c1_0, ~0ull)                                                              \
    X(afsr1_el1, s3_0_c5_c1_1, ~0ull)                                                              \
    X(par_el1, s3_0_c7_c4_0, 0xfffff000ull)                                                        \
    X(amair_el1, s3_0_c10_c3_0, ~0ull)                                                             \
    X(contextidr_el1, s3_0_c13_c0_1, 0xffffffffull)                                                \
    X(tpidr_el1, s3_0_c13_c0_4, ~0ull)                                                             \
    X(tpidr_el0, s3_3_c13_c0_2, ~0ull)                                                             \
    X(tpidrro_el0, s3_3_c13_c0_3, ~0ull)                                                           \
    X(tpidr2_el0, s3_3_c13_c0_5, ~0ull)                                                            \
    X(scxtnum_el1, s3_0_c13_c0_7, ~0ull)                                                           \
    X(scxtnum_el0, s3_3_c13_c0_7, ~0ull)                                                           \
    X(csselr_el1, s3_2_c0_c0_0, 2)                                                                 \
    X(cntkctl_el1, s3_0_c14_c1_0, 3)                                                               \
    X(cntv_cval_el0, s3_3_c14_c3_2, ~0ull)                                                         \
    X(cntp_cval_el0, s3_3_c14_c2_2, ~0ull)                                                         \
    X(disr_el1, s3_0_c12_c1_1, 0x80ffffffull)                                                      \
    X(lorsa_el1, s3_0_c10_c4_0, 0xffff0000ull)                                                     \
    X(lorn_el1, s3_0_c10_c4_2, 1)                                                                  \
    X(gcr_el1, s3_0_c1_c0_6, 0xffff)                                                               \
    X(rgsr_el1, s3_0_c1_c0_5, 0xf)                                                                 \
    X(tfsr_el1, s3_0_c5_c6_0, 3)                                                                   \
    X(trfcr_el1, s3_0_c1_c2_1, 0x60)                                                               \
    X(errselr_el1, s3_0_c5_c3_1, 1)                                                                \
    X(smpri_el1, s3_0_c1_c2_4, 0xf)                                                                \
    X(pmuserenr_el0, s3_3_c9_c14_0, 0xf)                                                           \
    X(pmselr_el0, s3_3_c9_c12_5, 0x1f)                                                             \
    X(amuserenr_el0, s3_3_c13_c2_3, 1)                                                             \
    X(mdscr_el1, s2_0_c0_c2_2, 0x1000)                                                             \
    X(dbgbvr0_el1, s2_0_c0_c0_4, 0xfffffff0ull)                                                    \
    X(dbgwvr0_el1, s2_0_c0_c0_6, 0xfffffff0ull)                                                    \
    X(actlr_el1, s3_0_c1_c0_1, 0)                                                                  \
    X(far_el1, s3_0_c6_c0_0, ~0ull)

#define ACCESS(name, encoding, bits)                                                               \
    static void write_##name(uint64_t value) { sysreg_write(encoding, value); }                    \
    static uint64_t read_##name(void) { return sysreg_read(encoding); }
REGISTERS(ACCESS)

static const struct {
    const char *name;
    void (*write)(uint64_t value);
    uint64_t (*read)(void);
    uint64_t bits;
} registers[] = {
#define ENTRY(name, encoding, bits) {#name, write_##name, read_##name, bits},
    REGISTERS(ENTRY)};

#define COUNT (sizeof(registers) / sizeof(registers[0]))

// What each CPU has written, as the register took it; what it found instead, if that was another.
static struct {
    uint64_t kept[COUNT], found[COUNT];
    bool trapped[COUNT], differs[COUNT];
    bool trap;
    unsigned steps;
} state[2];

static uint64_t vectors;

static unsigned self(void) { return (unsigned)(sysreg_read(mpidr_el1) & 1); }

uint64_t bare_trap(const struct bare_trap *trap) {
    const uint64_t class = ESR_CLASS(trap->syndrome);
    if (trap->kind != 0 || (class != ESR_UNKNOWN && class != ESR_SYSREG)) {
        print("cpu_state: FAILED, a trap: syndrome 0x%lx at 0x%lx\n", trap->syndrome, trap->pc);
        guest_end(true);
    }
    state[self()].trap = true;
    return trap->pc + 4;
}

// Goes on when the other CPU has come as far: here the two take turns on one of the host's.
static void meet(unsigned cpu) {
    const unsigned steps = __atomic_add_fetch(&state[cpu].steps, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&state[!cpu].steps, __ATOMIC_ACQUIRE) < steps) {
        __asm__ volatile("yield" ::: "memory");
    }
}

static void write_all(unsigned cpu, unsigned round) {
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t value = (i * 2 + cpu + 1) * 0x9e3779b97f4a7c15ull ^ round * 0x5851f42d4c957f2dull;
        // Where there are few bits, the two CPUs' differ at least in the lowest.
        value = registers[i].bits == 1 || registers[i].bits == 2 || registers[i].bits == 3
                    ? (value & ~3ull) | ((cpu ^ round) & 1 ? 3 : 0)
                    : value;
        state[cpu].trap = false;
        registers[i].write(value & registers[i].bits);
        state[cpu].kept[i] = registers[i].read();
        state[cpu].trapped[i] = state[cpu].trap;
    }
}

static void compare_all(unsigned cpu) {
    for (unsigned i = 0; i < COUNT; i++) {
        const uint64_t found = state[cpu].trapped[i] ? 0 : registers[i].read();
        if (!state[cpu].trapped[i] && found != state[cpu].kept[i]) {
            state[cpu].found[i] = found;
            state[cpu].differs[i] = true;
        }
    }
}

static void rounds(unsigned cpu) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        write_all(cpu, round);
        meet(cpu);
        compare_all(cpu);
        meet(cpu);
    }
}

static _Noreturn void second_main(uint64_t context) {
    (void)context;
    sysreg_write(vbar_el1, vectors);
    sysreg_sync();
    rounds(self());
    for (;;) {
        __asm__ volatile("wfi");
    }
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    unsigned held = 0;
    (void)cpu;
    check(machine->cpus >= 2, "two CPUs are needed");
    vectors = sysreg_read(vbar_el1);
    check(firmware_call(CPU_ON, machine->cpu_id[1], second_entry(second_main), 0) == 0, "CPU_ON");
    rounds(0);
    for (unsigned who = 0; who < 2; who++) {
        for (unsigned i = 0; i < COUNT; i++) {
            check(!state[who].differs[i], "%s of CPU %u was 0x%lx, not 0x%lx", registers[i].name,
                  who, state[who].found[i], state[who].kept[i]);
            held += !state[who].trapped[i] && state[who].kept[i] != 0;
        }
    }
    print("cpu_state: %u registers took a value\n", held);
    return check_end("cpu_state");
}
